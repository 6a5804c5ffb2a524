"""One test per case of upstream's own tables; the adapter of an area calls the code that the simulator runs."""

import importlib

import pytest

from tests.conformance.conftest import _divergences


def plumbing(area, given):
    """Give why a case asks for upstream's own plumbing that nothing here answers to, None for all others."""
    listed = (_divergences().get("not_applicable") or {}).get(area) or {}
    return next((listed[word] for word in (given["op"], *given) if word in listed), None)


def test_case(case):
    area, row = case
    if reason := plumbing(area, row["given"]):
        pytest.skip(f"not applicable: {reason}")
    known = (_divergences().get("cases") or {}).get(f"{area}/{row['id']}")
    adapter = importlib.import_module(f"tests.conformance.areas.{area}")
    differences = adapter.judge(row["given"], row["expect"])
    if known:
        assert differences, f"no longer diverges; take it out of divergences.yaml ({known})"
        pytest.skip(f"known divergence: {known}")
    assert not differences, "\n".join(differences)

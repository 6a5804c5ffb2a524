"""One test per case of upstream's own tables; the adapter of an area calls the code that the simulator runs."""

import importlib

import pytest

from tests.conformance.conftest import _divergences


def test_case(case):
    area, row = case
    known = (_divergences().get("cases") or {}).get(f"{area}/{row['id']}")
    adapter = importlib.import_module(f"tests.conformance.areas.{area}")
    differences = adapter.judge(row["given"], row["expect"])
    if known:
        assert differences, f"no longer diverges; take it out of divergences.yaml ({known})"
        pytest.skip(f"known divergence: {known}")
    assert not differences, "\n".join(differences)

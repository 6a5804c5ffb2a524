"""One test per case of upstream's own tables; the adapter of an area calls the code that the simulator runs."""

import importlib
import re

import pytest
import yaml

from tests.conformance.conftest import HERE, WITH_INTERNAL, _divergences


def plumbing(area, given):
    """Give why a case asks for upstream's own plumbing that nothing here answers to, None for all others."""
    listed = (_divergences().get("not_applicable") or {}).get(area) or {}
    return next((listed[word] for word in (given["op"], *given) if word in listed), None)


@pytest.mark.parametrize("area", WITH_INTERNAL)
def test_every_word_of_an_area_is_known_or_listed(area):
    """Cases that nobody has seen yet may use any word of the table: none may end in an adapter's KeyError."""
    table = yaml.load((HERE / "cases" / "WORDS.yaml").read_text(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    adapter = importlib.import_module(f"tests.conformance.areas.{area}")
    listed = (_divergences().get("not_applicable") or {}).get(area) or {}
    unknown = []
    for op, words in table["areas"][area]["ops"].items():
        known = {**getattr(adapter, "OTHERS", {}), **getattr(adapter, "WORDS", {})}.get(op)
        known = known or (getattr(adapter, "GIVEN", set()), getattr(adapter, "EXPECT", set()))
        for side, mine in zip(("given", "expect"), known, strict=True):
            first = {re.split(r"[.\[]", word.lstrip("? "))[0] for word in words.get(side, {})} - {"op"}
            unknown += [f"{op}: {word}" for word in sorted(first - set(mine) - set(listed)) if op not in listed]
    assert not unknown


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

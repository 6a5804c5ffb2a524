"""The author's guide shows the proved example, and every word of the schema stands in it."""

import re
from pathlib import Path

import yaml

from sim.lab.catalogue import FOLDER
from sim.lab.scenario import json_schema, parse
from sim.lab.scenario.skeleton import skeleton

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = (FOLDER / "_example.yaml").read_text(encoding="utf-8")
PART = re.compile(r"^ *# \[([a-z-]+)\]\n(.*?)^ *# \[/\1\]\n", re.MULTILINE | re.DOTALL)
UNUSED = {"to", "snapshot", "of", "valid", "taken_in", "members", "data_dir", "cluster_id", "external", "package", "version", "held",
          "enabled", "restarted_since_entry", "same_as", "keys", "target", "hosts", "seconds"}
"""Words that the example cannot show: not built yet, or shown in the guide's tables."""


def test_the_guide_includes_every_part_of_the_example():
    guide = (DOCS / "authoring.md").read_text(encoding="utf-8")
    parts = PART.findall(EXAMPLE)
    assert len(parts) >= 10
    for name, text in parts:
        assert text.rstrip() in guide, f"docs/authoring.md has an old [{name}]: run `python docs/include.py`"


def test_the_example_has_every_word():
    words = {name for model in [json_schema(), *json_schema()["$defs"].values()] for name in model.get("properties", {})}
    said = set(re.findall(r"[\[{, ]([a-zA-Z_]+):", EXAMPLE)) | {word for data in [yaml.safe_load(EXAMPLE)] for word in data}
    assert words - said - UNUSED == set()


def test_the_skeleton_is_a_good_scenario():
    assert parse(skeleton("my-lab", Path("labs/my-lab.yaml")), "x.yaml").metadata.name == "my-lab"

"""Same scenario, seed and recording: same bytes, under any PYTHONHASHSEED, any Python, and when played again."""

import os
import subprocess
import sys

import pytest

from sim.lab.catalogue import files
from tests.determinism.pythons import MINORS, environment

NAMES = [path.stem for path in files() if not path.stem.startswith("_")]
ON_EACH_PUSH = ("os-upgrades", "node-down")
TOPICS = ("first-steps", "os-upgrades", "node-down", "cluster-upgrade", "backup-and-restore", "control-plane-failure", "held-back",
          "quorum-lost", "zone-outage", "autoscale-under-load", "statefulset-on-a-dead-node", "crashloop")
"""Labs that between them use all of the simulator; the others are compared with the slow tests."""


def written(python, out, names, *, hash_seed, pipelines):
    """Run the writer in a process of its own; give file name -> bytes."""
    done = subprocess.run(
        [python, "-m", "tests.determinism.write_events", str(out), "--pipelines", str(pipelines), *names], check=False,
        capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": hash_seed})
    assert done.returncode == 0, done.stderr[-2000:]
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.suffix in (".jsonl", ".txt")}


def same(one, other):
    """Say which files differ, and from which line on."""
    assert one.keys() == other.keys()
    for name, data in one.items():
        pairs = zip(data.splitlines(), other[name].splitlines(), strict=False)
        first = next(((n, a, b) for n, (a, b) in enumerate(pairs) if a != b), None)
        assert data == other[name], f"{name} differs: {first}"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Give what this Python writes."""
    return written(sys.executable, tmp_path_factory.mktemp("here"), TOPICS, hash_seed="1", pipelines=100)


def test_every_scenario_has_a_history(here):
    assert {f"{name}.jsonl" for name in TOPICS} < here.keys()
    assert all(here[f"{name}.jsonl"].count(b"\n") > 100 for name in TOPICS)


def test_a_saved_session_is_the_same_when_played_again(here):
    """Pipes and background jobs included."""
    same({"events": here["session.jsonl"]}, {"events": here["replay.jsonl"]})
    assert here["session.txt"].count(b"\n$ ") > 90


def test_two_hash_seeds(here, tmp_path):
    same(here, written(sys.executable, tmp_path / "there", TOPICS, hash_seed="2", pipelines=100))


@pytest.mark.slow
def test_two_hash_seeds_with_every_scenario(tmp_path):
    same(written(sys.executable, tmp_path / "here", NAMES, hash_seed="6", pipelines=10),
         written(sys.executable, tmp_path / "there", NAMES, hash_seed="7", pipelines=10))


def other_python(minor):
    python, why = environment(minor)
    if not python:
        pytest.skip(f"SKIPPED because {why}")
    if python == sys.executable:
        pytest.skip("SKIPPED because this is that Python")
    return python


@pytest.mark.parametrize("minor", MINORS)
def test_another_python(minor, here, tmp_path):
    found = written(other_python(minor), tmp_path / "there", ON_EACH_PUSH, hash_seed="3", pipelines=100)
    same({name: here[name] for name in found}, found)


@pytest.mark.slow
@pytest.mark.parametrize("minor", MINORS)
def test_another_python_with_every_scenario_and_a_thousand_lines(minor, tmp_path):
    python = other_python(minor)
    same(written(sys.executable, tmp_path / "here", NAMES, hash_seed="4", pipelines=1000),
         written(python, tmp_path / "there", NAMES, hash_seed="5", pipelines=1000))

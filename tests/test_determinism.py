"""Same scenario, seed and recording: same bytes, under any PYTHONHASHSEED."""

import os
import subprocess
import sys

import pytest

from sim.lab.catalogue import files


@pytest.mark.parametrize("name", [path.stem for path in files() if not path.stem.startswith("_")])
def test_two_processes_write_the_same_events(name, tmp_path):
    written = []
    for seed in ("1", "2"):
        path = tmp_path / f"events-{seed}"
        subprocess.run(
            [sys.executable, "-m", "sim.cli", "run", name, "--events", str(path), "--quiet"], check=True,
            capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
        written.append(path.read_bytes())
    assert written[0] == written[1] and written[0].count(b"\n") > 100

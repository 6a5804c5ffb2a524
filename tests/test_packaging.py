"""The wheel: built, installed in an empty environment, run outside the checkout, with scenarios and data inside."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = ("scenarios/os-upgrades.yaml", "scenarios/images.yaml", "sim/versions/releases.json", "sim/versions/defaults.json",
        "tui/app.tcss")


def command(*words, **options):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=200, **options)
    assert done.returncode == 0, f"{words}: {done.stdout[-800:]}{done.stderr[-800:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    try:
        command(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(out), str(ROOT))
    except AssertionError as error:
        if "hatchling" in str(error) and ("connection" in str(error).lower() or "no matching" in str(error).lower()):
            pytest.skip("SKIPPED because the build backend cannot be fetched here")
        raise
    return next(out.glob("kubedrill-*.whl"))


def test_the_wheel_has_code_and_data_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    for name in DATA:
        if (ROOT / name).exists():
            assert name in names
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]
    assert sum(name.startswith("scenarios/") and name.endswith(".yaml") for name in names) >= 5


def test_it_runs_outside_the_checkout(wheel, tmp_path):
    """Only the wheel's files are added to this environment's dependencies: nothing of the checkout can help."""
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(tmp_path / "site")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    code = "import sim; print(sim.__file__)"
    assert str(tmp_path) in command(sys.executable, "-c", code, cwd=tmp_path, env=environment)
    run = [sys.executable, "-m", "sim.cli"]
    assert "os-upgrades" in command(*run, "list", cwd=tmp_path, env=environment)
    assert "node01" in command(*run, "sh", "os-upgrades", "-c", "kubectl get nodes", cwd=tmp_path, env=environment)


@pytest.mark.slow
def test_it_runs_in_an_empty_environment(wheel, tmp_path):
    command(sys.executable, "-m", "venv", str(tmp_path / "venv"))
    command(str(tmp_path / "venv/bin/python"), "-m", "pip", "install", "-q", str(wheel))
    kubedrill = str(tmp_path / "venv/bin/kubedrill")
    assert "passed" in command(kubedrill, "run", "os-upgrades", "--solve", "--quiet", cwd=tmp_path)
    assert "1.33" in command(kubedrill, "versions", cwd=tmp_path)


def make(folder, *words, path):
    return subprocess.run(["make", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60,
                          env={"PATH": path, "HOME": str(folder)})


@pytest.mark.skipif(shutil.which("make") is None, reason="SKIPPED because there is no make here")
def test_make_without_venv_says_the_one_line(tmp_path):
    """A Python that runs but has no venv module: one line, exit status 2."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    folder = tmp_path / "bin"
    folder.mkdir()
    for minor in ("3", "3.11", "3.12", "3.13", "3.14"):
        (folder / f"python{minor}").write_text('#!/bin/sh\ncase "$*" in *ensurepip*) exit 1;; *) exit 0;; esac\n')
        (folder / f"python{minor}").chmod(0o755)
    done = make(tmp_path, "install", path=f"{folder}:/usr/bin:/bin")
    assert done.returncode == 2
    assert "python3-venv" in done.stdout and len(done.stdout.strip().splitlines()) == 1


@pytest.mark.skipif(shutil.which("make") is None, reason="SKIPPED because there is no make here")
def test_make_passes_over_a_python_that_only_pretends(tmp_path):
    shutil.copy(ROOT / "Makefile", tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, body in (("python3.13", "exit 127"), ("python3.12", f'exec {sys.executable} "$@"')):
        (folder / name).write_text(f"#!/bin/sh\n{body}\n")
        (folder / name).chmod(0o755)
    chosen = subprocess.run(["make", "-f", "-", "show"], cwd=tmp_path, text=True, capture_output=True, check=False,
                            input="include Makefile\nshow:\n\t@echo $(PYTHON)\n",
                            env={"PATH": f"{folder}:/usr/bin:/bin", "HOME": str(tmp_path)})
    assert chosen.stdout.strip().endswith("python3.12")

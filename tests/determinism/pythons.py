"""Other Pythons of this machine, each with the project's dependencies in an environment of its own (kept beside .venv)."""

import fcntl
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MINORS = ("3.11", "3.13")
INSTALL_SECONDS = 240


def candidates(minor):
    """Give the interpreters that may be of that minor: on the path, and a version manager's."""
    yield f"python{minor}"
    yield from map(str, sorted(Path.home().glob(f".pyenv/versions/{minor}.*/bin/python{minor}")))


def runs(command, minor):
    """Tell whether an interpreter is there and is what its name says."""
    try:
        done = subprocess.run([command, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                              capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == minor


def environment(minor):
    """Give (python, "") with all dependencies installed, or ("", why there is none)."""
    if minor == "{}.{}".format(*sys.version_info[:2]):
        return sys.executable, ""
    found = next((command for command in candidates(minor) if runs(command, minor)), None)
    if found is None:
        return "", f"there is no Python {minor} here"
    folder = ROOT / f".venv-{minor}"
    python = folder / "bin" / "python"
    with (ROOT / f".venv-{minor}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            try:
                subprocess.run([found, "-m", "venv", str(folder)], check=True, capture_output=True, timeout=INSTALL_SECONDS)
                subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-e", str(ROOT)],
                               check=True, capture_output=True, timeout=INSTALL_SECONDS)
            except (subprocess.SubprocessError, OSError) as error:
                return "", f"the dependencies cannot be installed for Python {minor} ({type(error).__name__})"
            (folder / ".installed").touch()
    return str(python), ""

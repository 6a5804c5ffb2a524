"""The core never loads a terminal UI, an HTTP server, a test library or asyncio: proved in fresh processes."""

import subprocess
import sys

import pytest

CORE = ["sim.api.client", "sim.pki", "sim.engine", "sim.versions.catalogue", "sim.versions.defaults", "sim.etcd.store", "sim.apiserver.server",
        "sim.controllers.manager", "sim.host.kubelet", "sim.host.network", "sim.components", "sim.invariants"]
BANNED = ["textual", "aiohttp", "asyncio", "hypothesis", "click", "pytest"]


@pytest.mark.parametrize("module", CORE)
def test_core_module_loads_nothing_of_the_outside(module):
    code = (
        f"import sys, {module}\n"
        f"bad = [name for name in {[*BANNED, 'bashkit', 'tree_sitter']!r} if name in sys.modules]\n"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_lab_loads_no_terminal_ui():
    code = (
        f"import sys, sim.lab.lab\n"
        f"bad = [name for name in {['textual', 'aiohttp', 'hypothesis', 'click', 'pytest']!r} if name in sys.modules]\n"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr

"""The command line: statuses, one-line errors, never a traceback."""

import json
import subprocess
import sys

import pytest


def kubedrill(*words, stdin=""):
    return subprocess.run([sys.executable, "-m", "sim.cli", *words], capture_output=True, text=True, input=stdin, check=False)


@pytest.mark.parametrize(("words", "status", "text"), [
    (["run", "os-upgrades", "--do-nothing", "--quiet"], 1, "0 of 16 tasks"),
    (["run", "os-upgrades", "--solve", "--quiet"], 0, "16 of 16 tasks"),
    (["sh", "first-steps", "-c", "kubectl get nodes"], 0, "controlplane   Ready"),
    (["sh", "first-steps", "-c", "tcpdump"], 120, "not simulated: tcpdump"),
    (["sh", "nosuch", "-c", "ls"], 64, "no scenario nosuch"),
    (["run", "nosuch"], 2, "no scenario nosuch"),
    (["lint", "scenarios/"], 0, ""),
    (["explain", "E003"], 0, "A key that scenarios do not have"),
    (["explain", "E999"], 2, "no such code"),
    (["list"], 0, "os-upgrades"),
    (["frobnicate"], 2, "No such command"),
])
def test_status_and_text(words, status, text):
    done = kubedrill(*words)
    assert done.returncode == status, done.stderr
    assert text in done.stdout + done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [
    ["list", "--json"], ["lint", "--json", "scenarios/first-steps.yaml"],
    ["prove", "--json", "--no-cache", "--seed", "0", "scenarios/first-steps.yaml"]])
def test_a_machine_can_read_it(words):
    done = kubedrill(*words)
    rows = json.loads(done.stdout)
    assert done.returncode == 0 and isinstance(rows, list)
    assert words[0] == "lint" or {"first-steps", "scenarios/first-steps.yaml"} & {str(v) for row in rows for v in row.values()}


def test_plain_mode_is_a_whole_conversation():
    done = kubedrill("play", "first-steps", "--plain", stdin="kubectl get nodes\n:answer 2\n:bogus\n\x00\xff\n")
    assert done.returncode == 0 and "done: look" in done.stdout and "no lab line :bogus" in done.stdout

"""A real kubectl does the seed labs: their solutions' kubectl lines through `serve`, the rest in the simulated shell."""

import os
import subprocess

import pytest

import sim
from sim.lab.catalogue import find
from sim.lab.steps import do_steps
from tests.http.parity import real_kubectl

LABS = [name for name in ("os-upgrades", "cluster-upgrade", "backup-and-restore", "backup-and-restore-2")
        if os.path.exists(f"scenarios/{name}.yaml")]
ONLY_INSIDE = (" -f ", "--from-file", "ssh ", ">", "exec", "config", "kubectl version", "--raw", "sudo")
"""What a line names that is not on this machine: the lab's files, hosts, kubeconfigs."""
SPEED = 60


def play(cluster, env, line):
    return subprocess.run(["bash", "-c", line], env=env, capture_output=True, text=True, timeout=100)


@pytest.mark.slow
@pytest.mark.parametrize("name", LABS)
def test_its_goals_pass(name, tmp_path):
    kubectl = real_kubectl()
    if kubectl is None:
        pytest.skip("SKIPPED because there is no real kubectl on this machine")
    (tmp_path / "kubectl").symlink_to(kubectl)
    env = {"KUBECONFIG": str(tmp_path / "config"), "HOME": str(tmp_path), "PATH": f"{tmp_path}:/usr/bin:/bin"}
    really = 0
    with sim.serve(name, speed=SPEED) as cluster:
        cluster.write_kubeconfig(tmp_path / "config")
        home = cluster.call(lambda lab: lab.prompt(lab.main_terminal))
        while (task := cluster.call(lambda lab: lab.task)) is not None:
            for step in task.solutions[0]:
                line = step if isinstance(step, str) else step.line
                inside = not line or not line.startswith("kubectl ") or any(word in line for word in ONLY_INSIDE)
                if inside or cluster.call(lambda lab: lab.prompt(lab.main_terminal)) != home:
                    cluster.call(lambda lab: do_steps(lab, [step]))
                else:
                    play(cluster, env, line)
                    really += 1
            if cluster.call(lambda lab: lab.task) is task:
                cluster.call(lambda lab: lab.check())
            assert cluster.call(lambda lab: lab.task) is not task, cluster.call(lambda lab: lab.missing(task))
    assert really > 3

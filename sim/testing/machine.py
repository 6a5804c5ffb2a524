"""A learner who does anything, and a world in which anything fails: a Hypothesis state machine over one lab.

After every step the judge looks at what was committed; at the end everything is healed and must come to rest whole, no
object may have been changed after its commit, and the recording must give the same events again.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sim.engine import SECOND_US
from sim.host.machine import BOOT_SECONDS
from sim.invariants import Judge
from sim.lab.faults import FaultError
from sim.lab.lab import Lab
from sim.lab.scenario import parse
from sim.lab.telling import events
from sim.testing import grammar

PATIENCE_SECONDS = 180
HEALING_SECONDS = 1500
"""Longer than the longest back-off there is (1000 s, of a controller's queue)."""
BACK_SECONDS = 600
"""Until the control plane answers again; longer than the longest back-off of a container."""
SECOND = "second"
KNOWN_STATUSES = range(256)
SCENARIO = """
apiVersion: kubedrill.dev/v1
kind: Scenario
metadata: {name: anything, topic: testing, level: 0, title: Anything may happen}
spec:
  versions: [{kubernetes: "1.33.1"}]
  clusters:
  - nodes:
    - {name: controlplane, role: control-plane, taints: []}
    - {name: node01, zone: a}
    - {name: node02, zone: b}
    - {name: node03, zone: b}
    addons: [flannel, coredns, metrics-server]
  terminals: [{name: main, host: controlplane}, {name: second, host: controlplane}]
  images:
    task:1.0: {run_seconds: 7}
    broken:1.0: {run_seconds: 2, exit_code: 1}
  tasks: [{name: all, prompt: Do what you like., goals: [{object: node/node99, why: never}], solutions: [["true"]]}]
"""
HEALING = (
    "set +e; kill $(jobs -p) 2> /dev/null; cd",
    *(f"ssh {node} 'systemctl start containerd kubelet'" for node in grammar.NODES),
    "systemctl start containerd kubelet",
    *(f"test -e /root/{name}.yaml && mv /root/{name}.yaml /etc/kubernetes/manifests/" for name in grammar.COMPONENTS),
    "",
    "for d in $(kubectl get deploy -o name); do kubectl rollout resume $d; done; kubectl delete quota,hpa --all",
    *(f"kubectl uncordon {node}" for node in grammar.HOSTS),
    *(f"kubectl taint nodes {node} a-" for node in grammar.HOSTS),
)


def make_lab(seed: int = 0) -> Lab:
    """Give a fresh lab of three nodes."""
    return Lab(parse(SCENARIO, "anything.yaml"), seed=seed)


class Learner(RuleBasedStateMachine):
    """Types, breaks, waits, takes back."""

    def __init__(self) -> None:
        super().__init__()
        self.lab = make_lab()
        self.broken: list[tuple[str, str]] = []
        self._judge_anew()

    def _judge_anew(self) -> None:
        """Judge from the first change on: a world that was built anew, or a store that was."""
        store = self.lab.world.store()
        self.judge = Judge(store) if store is not None else None

    def _type(self, line: str) -> Any:
        while self.lab.needs_more(line, self.lab.main_terminal):
            line += "\n'\"" if line.count("\n") < 3 else "\n)"
            if line.count("\n") > 8:
                return None
        result = self.lab.run(line, patience_seconds=PATIENCE_SECONDS)
        assert result.status in KNOWN_STATUSES, f"{line!r}: status {result.status}"
        assert "Traceback (most recent call last)" not in result.stdout + result.stderr, line
        return result

    @initialize(kinds=st.sets(st.sampled_from(grammar.FURNITURE)))
    def furnish(self, kinds: set[str]) -> None:
        """Begin with some workloads."""
        for line in grammar.FURNITURE:
            if line in kinds:
                self._type(line)

    @rule(line=grammar.LINE)
    def type_line(self, line: str) -> None:
        """Type something."""
        if not self.lab.is_lab_line(line):
            self._type(line)

    @rule(line=grammar.WRITING)
    def type_in_background(self, line: str) -> None:
        """Start something that goes on by itself."""
        if "\n" not in line:
            self._type(f"{line} &")

    @rule(line=st.one_of(grammar.WRITING, grammar.NEWER, grammar.SHELL))
    def type_at_the_second_terminal(self, line: str) -> None:
        """Type while the other terminal goes on; time passes by other rules."""
        if self.lab.busy(SECOND):
            self.lab.interrupt(SECOND)
        elif not self.lab.is_lab_line(line) and not self.lab.needs_more(line, SECOND):
            self.lab.type(line, terminal=SECOND)

    @rule(seconds=st.sampled_from((0.3, 5, 45, 61, 400)))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.lab.wait(seconds)

    @precondition(lambda self: len(self.broken) < 3)
    @rule(fault=st.sampled_from(grammar.HELD))
    def fail(self, fault: tuple[str, str]) -> None:
        """Break something that stays broken."""
        if fault not in self.broken and self._fault(*fault):
            self.broken.append(fault)

    @rule(fault=st.sampled_from(grammar.PASSING))
    def die(self, fault: tuple[str, str]) -> None:
        """Kill a component, stop a unit, reboot a host."""
        self._fault(*fault)

    def _fault(self, name: str, host: str, *, end: bool = False) -> bool:
        """Do a fault or take it back; False where the host is off or booting."""
        try:
            self.lab.fault(name, host, end=end)
        except FaultError:
            return False
        return True

    @precondition(lambda self: self.broken)
    @rule(data=st.data())
    def mend(self, data: st.DataObject) -> None:
        """Mend something that is broken."""
        name, host = self.broken[data.draw(st.integers(0, len(self.broken) - 1))]
        if self._fault(name, host, end=True):
            self.broken.remove((name, host))

    @rule(count=st.integers(1, 3))
    def undo(self, count: int) -> None:
        """Take back the last inputs; what was broken then is broken again."""
        self.lab.undo(count)
        self.broken = _broken(self.lab)
        self._judge_anew()

    @rule(seconds=st.sampled_from((1, 30, 200)))
    def rewind(self, seconds: int) -> None:
        """Go back to a moment."""
        self.lab.rewind(max(self.lab.origin_us, self.lab.now_us - seconds * SECOND_US))
        self.broken = _broken(self.lab)
        self._judge_anew()

    @invariant()
    def nothing_is_violated(self) -> None:
        """Every change so far is one that may happen."""
        if self.judge is None or self.judge.store is not self.lab.world.store():
            self._judge_anew()
        if self.judge is not None:
            assert not (found := self.judge.look()), "\n".join(map(str, found))

    def teardown(self) -> None:
        """Heal the world: it must become whole; then play the recording again: it must be the same run."""
        try:
            for name, host in sorted(self.broken, key=lambda each: each[0] != "power-off"):
                self._fault(name, host, end=True)
            self.lab.wait(BOOT_SECONDS)
            for name, host in self.broken:
                self._fault(name, host, end=True)
            self.lab.interrupt(SECOND)
            for line in HEALING:
                self._type(line) if line else self.lab.wait(BACK_SECONDS)
            self.lab.wait(HEALING_SECONDS)
            self.nothing_is_violated()
            if self.judge is not None:
                assert not (found := self.judge.settled()), "\n".join(map(str, found))
                self.judge.store.verify_unchanged()
            self._replays()
        finally:
            self.lab.close()

    def _replays(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "run"
            self.lab.save(path)
            again = Lab.load(path)
        before, after = list(events.lines(self.lab)), list(events.lines(again))
        for number, (one, other) in enumerate(zip(before, after, strict=False)):
            assert one == other, f"the replay differs at event {number}:\n{one}\n{other}"
        assert len(before) == len(after)


def _broken(lab: Lab) -> list[tuple[str, str]]:
    """Read from the recording which faults still hold."""
    import json

    found: dict[tuple[str, str], None] = {}
    for each in lab.inputs:
        if each.word == "fault":
            name, host, end = json.loads(each.rest)
            if end:
                found.pop((name, host), None)
            elif (name, host) in grammar.HELD:
                found[name, host] = None
    return list(found)

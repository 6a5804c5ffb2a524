"""Goals about a host: a file, a unit, a package. Reads the host as it is now; changes nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sim.engine import SECOND_US
from sim.host.files import FileError
from sim.host.network import Host

if TYPE_CHECKING:
    from sim.lab.lab import Lab
    from sim.lab.scenario.model import FileGoal, Goal, PackageGoal, UnitGoal


def subject(goal: Goal) -> str:
    """Name what a host goal is about."""
    part = goal.file or goal.unit or goal.package
    return f"the file {goal.file.path}" if goal.file else f"the unit {goal.unit.name}" if goal.unit else (
        f"the package {getattr(part, 'name', '')}")


def holds(goal: Goal, lab: Lab) -> bool:
    """Tell whether a host goal holds now."""
    host = lab.world.network.hosts[str(goal.host)]
    if goal.file is not None:
        return _file(goal.file, host)
    if goal.unit is not None:
        return _unit(goal.unit, host, lab.task_entered_us)
    assert goal.package is not None
    return _package(goal.package, host)


def _file(goal: FileGoal, host: Host) -> bool:
    view = host.files.view()
    try:
        node = view.find(goal.path)
    except FileError:
        return not goal.exists
    if not goal.exists:
        return False
    names = {uid: name for name, uid in host.users.items()}
    if goal.owner and names.get(node.uid, str(node.uid)) != goal.owner:
        return False
    try:
        text = view.read(goal.path).decode(errors="replace") if goal.contains or goal.matches else ""
    except FileError:
        return False
    return (not goal.contains or goal.contains in text) and (not goal.matches or re.search(goal.matches, text, re.MULTILINE) is not None)


def _unit(goal: UnitGoal, host: Host, entered_us: int) -> bool:
    unit = host.unit(goal.name.removesuffix(".service")) if host.powered else None
    if unit is None:
        return goal.active is False
    if goal.enabled is not None and (host.systemd.enabled(unit.name) == "enabled") != goal.enabled:
        return False
    if goal.active is not None and (unit.active == "active") != goal.active:
        return False
    if goal.restarted_since_entry is not None:
        restarted = unit.started_us - host.engine.epoch_s * SECOND_US > entered_us
        return restarted == goal.restarted_since_entry
    return True


def _package(goal: PackageGoal, host: Host) -> bool:
    found = host.packages.get(goal.name)
    if found is None or not found.here:
        return False
    if goal.version and not found.version.startswith(goal.version):
        return False
    return goal.held is None or found.held == goal.held

"""A loaded unit: started, stopped, restarted by its own policy. It owns the program that it runs.

Models: systemd's service.c for Type=simple, notify and the like. Texts: golden host-systemd runs.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from sim.engine import Timer, microseconds
from sim.host.files import DIRECTORY, FileError
from sim.host.systemd.journal import ERROR, INFO, NOTICE, WARNING
from sim.host.systemd.unitfile import Definition, command_line
from sim.program import SIGKILL, SIGTERM, Service, Start

if TYPE_CHECKING:
    from sim.host.pods.slots import Backoff
    from sim.host.systemd.manager import Systemd

EXEC_FAILED = 203
SIGNALS = {1: "HUP", 2: "INT", 6: "ABRT", 9: "KILL", 11: "SEGV", 15: "TERM"}


class Unit:
    """A loaded unit. active and sub are systemd's states; the moments are microseconds since 1970.

    It owns the program that it runs (`program.Owner`).
    """

    def __init__(self, systemd: Systemd, name: str) -> None:
        self.systemd = systemd
        self.host = systemd.host
        self.name = name
        self.short = name.removesuffix(".service")
        self.fragment = ""
        self.drop_ins: tuple[str, ...] = ()
        self.definition: Definition | None = None
        self.read: tuple[tuple[str, str], ...] = ()
        self.active, self.sub, self.result = "inactive", "dead", "success"
        self.since_us = self.started_us = self.ended_us = 0
        self.pid, self.last_pid = 0, 0
        self.argv: list[str] = []
        self.exit_code: int | None = None
        self.signal = 0
        self.restarts = 0
        self.first_entry = 0
        self.service: Service | None = None
        self.supervisor: Backoff | None = None
        self._starts: list[int] = []
        self._start_after = False
        self._timer: Timer | None = None

    # ---- what it is -------------------------------------------------------------------------------------------
    @property
    def title(self) -> str:
        """Give the name as systemd's log lines do: the description, with the unit's name before it since 252."""
        text = self.definition.description if self.definition else self.name
        return text if self.host.os.systemd < 252 else f"{self.name} - {text}"

    @property
    def running(self) -> bool:
        """Tell whether its program runs."""
        return self.pid != 0

    @property
    def user(self) -> str:
        """Name who its program runs as."""
        values = self.definition.values.get("User") if self.definition is not None else None
        return values[-1] if values else "root"

    @property
    def changed_on_disk(self) -> bool:
        """Tell whether its files differ from what systemd has read."""
        return self.definition is not None and self.systemd.files_of(self.name)[2] != self.read

    def log(self, text: str, priority: int = INFO, catalog: str = "") -> None:
        """Write systemd's own line about the unit."""
        self.host.log("systemd", 1, text, unit=self.name, priority=priority, catalog=catalog)

    def become(self, active: str, sub: str) -> None:
        """Enter a state."""
        if active != self.active:
            self.since_us = self.host.engine.unix_us
        self.active, self.sub = active, sub

    # ---- starting ---------------------------------------------------------------------------------------------
    def start(self, *, by_policy: bool = False) -> None:
        """Start it unless it runs; one that is stopping starts after that. A start limit that is hit leaves it failed."""
        if self.definition is None:
            return
        if self.running:
            self._start_after = self.active == "deactivating"
            return
        self._cancel()
        if not by_policy:
            self.restarts = 0
        now, definition = self.host.engine.now_us, self.definition
        window_us = 0 if definition.limit_seconds == 0 else microseconds(min(definition.limit_seconds, 1e9))
        self._starts = [at for at in self._starts if window_us and now - at < window_us]
        if window_us and len(self._starts) >= definition.limit_burst:
            self.log(f"{self.name}: Start request repeated too quickly.", WARNING)
            self.log(f"{self.name}: Failed with result '{self.result if by_policy else 'start-limit-hit'}'.", WARNING)
            self.log(f"Failed to start {self.title}.", ERROR, "start-failed")
            if self.result == "success":
                self.result = "start-limit-hit"
            self.become("failed", "failed")
            return
        self._starts.append(now)
        missing = next((path for path in definition.condition_paths if not self._condition(path)), None)
        if missing is not None:
            self.log(f"{self.title} was skipped because of a failed condition check (ConditionPathExists={missing}).")
            self.become("inactive", "dead")
            return
        self._execute(definition)

    def _condition(self, path: str) -> bool:
        negated = path.startswith("!")
        return self.host.files.view().exists(path.lstrip("!|")) != negated

    def _environment(self, definition: Definition) -> dict[str, str]:
        env = dict(definition.environment)
        for path in definition.environment_files:
            try:
                text = self.host.files.view().read(path.lstrip("-")).decode(errors="replace")
            except FileError:
                if not path.startswith("-"):
                    raise
                continue
            for line in text.splitlines():
                variable, equal, value = line.partition("=")
                if equal and not line.lstrip().startswith(("#", ";")):
                    env[variable.strip()] = value.strip().strip("\"'")
        return env

    def _execute(self, definition: Definition) -> None:
        host = self.host
        self.pid = self.last_pid = host.next_pid()
        self.exit_code, self.signal = None, 0
        self.first_entry = len(host.journal.entries)
        self.started_us = host.engine.unix_us
        if definition.kind in ("notify", "forking", "oneshot", "dbus"):
            self.log(f"Starting {self.title}...", INFO, "starting")
        try:
            env = self._environment(definition)
        except FileError as error:
            self.log(f"{self.name}: Failed to load environment files: {error}", WARNING)
            self.log(f"{self.name}: Failed to run 'start' task: {error}", WARNING)
            self._over("resources")
            return
        self.argv, unset = command_line(definition.exec_start, env)
        path = self.argv[0] if self.argv else ""
        if unset and host.os.systemd >= 254:
            host.log(f"({self.short[:13]})", self.pid, f"{self.name}: Referenced but unset environment variable evaluates "
                     f"to an empty string: {', '.join(dict.fromkeys(unset))}", unit=self.name)
        problem = self._cannot_execute(path)
        self.become("active", "running")
        self.log(f"Started {self.title}.", INFO, "started")
        if problem:
            host.log("systemd", self.pid, f"{self.name}: Failed to locate executable {path}: {problem}" if
                     host.os.systemd >= 249 and "/" not in path else
                     f"{self.name}: Failed at step EXEC spawning {path}: {problem}", unit=self.name, priority=ERROR)
            self.ended(EXEC_FAILED)
            return
        program = posixpath.basename(path)
        kind = host.programs.get(program)
        if kind is None:
            return  # a program that only runs: nothing of it is modelled but that
        self.service = kind(Start(host.engine, host, self.argv, host.version_of(path), self, self.pid, env,
                                  uid=host.users.get(self.user, 0)))
        self.service.start()

    def _cannot_execute(self, path: str) -> str:
        view = self.host.files.view()
        if not path.startswith("/"):
            path = next((f"{folder}/{path}" for folder in ("/usr/local/bin", "/usr/bin", "/usr/sbin")
                         if path and view.exists(f"{folder}/{path}")), "")
        try:
            node = view.find(path)
        except FileError as error:
            return str(error)
        if not path or node.kind == DIRECTORY or not node.mode & 0o111:
            return "Permission denied" if path else "No such file or directory"
        return ""

    # ---- the program speaks -----------------------------------------------------------------------------------
    def wrote(self, text: str) -> None:
        """Put a line of the program into the journal."""
        self.host.log(self.short if not self.argv else posixpath.basename(self.argv[0])[:15], self.pid, text,
                      unit=self.name)

    def health_changed(self) -> None:
        """Nobody probes units."""

    def ended(self, code: int, signal: int = 0) -> None:
        """Take note that the program has ended, and restart it if the policy says so."""
        if not self.running:
            return
        service, self.service = self.service, None
        if service is not None:
            service.gone()
        self.exit_code, self.signal, self.ended_us = code, signal, self.host.engine.unix_us
        if signal:
            self.log(f"{self.name}: Main process exited, code=killed, status={signal}/{SIGNALS.get(signal, signal)}", NOTICE,
                     "exited")
        elif code:
            shown = {1: "1/FAILURE", 2: "2/INVALIDARGUMENT", EXEC_FAILED: "203/EXEC"}.get(code, f"{code}/n/a")
            self.log(f"{self.name}: Main process exited, code=exited, status={shown}", NOTICE, "exited")
        clean = (not signal and code == 0) or signal in (1, 2, 13, 15)
        self._over("success" if clean else "signal" if signal else "exit-code")

    def _over(self, result: str) -> None:
        self.pid = 0
        self.result = result
        if result != "success":
            self.log(f"{self.name}: Failed with result '{result}'.", WARNING, "failed")
        else:
            self.log(f"{self.name}: Deactivated successfully.", INFO)
        definition = self.definition
        policy = definition.restart if definition else "no"
        again = policy == "always" or (policy == "on-failure" and result != "success") or (
            policy == "on-success" and result == "success") or (policy in ("on-abnormal", "on-abort") and result == "signal")
        if self.supervisor is not None:
            self._supervised()
        elif again and definition is not None:
            self.become("activating", "auto-restart")
            self.since_us = self.host.engine.unix_us
            self._timer = self.host.engine.after(
                microseconds(definition.restart_seconds), self._again,
                label=f"systemd restarts {self.name} on {self.host.name}: RestartSec={definition.restart_seconds:g}s",
                about=self.host.name)
        else:
            self.become("inactive" if result == "success" else "failed", "dead" if result == "success" else "failed")

    def _supervised(self) -> None:
        """Somebody restarts it in place of its own policy, as a kubelet does."""
        assert self.supervisor is not None
        now = self.host.engine.now_us
        wait_us = max(microseconds(1.0), self.supervisor.left_us(now, now))
        self.supervisor.next(now, now + wait_us)
        self.become("activating", "auto-restart")
        self._timer = self.host.engine.after(wait_us, self._again)

    def _again(self) -> None:
        self.restarts += 1
        self.log(f"{self.name}: Scheduled restart job, restart counter is at {self.restarts}.", INFO, "restart")
        if self.host.os.systemd < 254:
            self.log(f"Stopped {self.title}.", INFO, "stopped")
        self.start(by_policy=True)

    # ---- stopping ---------------------------------------------------------------------------------------------
    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = None

    def stop(self) -> float:
        """Stop it; gives the seconds after which it has stopped."""
        self._cancel()
        self._start_after = False
        if not self.running:
            if self.active == "activating":
                self.log(f"Stopped {self.title}.", INFO, "stopped")
                self.become("inactive", "dead")
            return 0.0
        self.log(f"Stopping {self.title}...", INFO, "stopping")
        takes = self.service.stop(SIGTERM) if self.service else 0.0
        if takes > 0:
            self.become("deactivating", "stop-sigterm")
            self._timer = self.host.engine.after(microseconds(takes), self._stopped)
        else:
            self._stopped()
        return takes

    def _stopped(self) -> None:
        self._end_quietly()
        self.result = "success"
        self.exit_code, self.signal = 0, 0
        self.log(f"{self.name}: Deactivated successfully.")
        self.log(f"Stopped {self.title}.", INFO, "stopped")
        self.become("inactive", "dead")
        if self._start_after:
            self._start_after = False
            self.start()

    def kill_stopping(self) -> None:
        """End one that is still stopping at once, as who waited for it long enough does."""
        if self.running and self.active == "deactivating":
            self._stopped()

    def _end_quietly(self) -> None:
        self._cancel()
        service, self.service = self.service, None
        if service is not None:
            service.gone()
        if self.pid:
            self.ended_us = self.host.engine.unix_us
        self.pid = 0

    def kill(self, signal: int = SIGKILL) -> None:
        """Send a signal to the program from outside: the unit's policy follows."""
        if not self.running:
            return
        if signal == SIGKILL or self.service is None:
            self.ended(0, signal)
            return
        takes = self.service.stop(signal)
        self._timer = self.host.engine.after(microseconds(takes), self.ended, 0)

    def clear_starts(self) -> None:
        """Forget the starts that count towards the limit: `reset-failed`."""
        self._starts.clear()

    def lost(self) -> None:
        """The power is gone."""
        self._end_quietly()
        self.active, self.sub, self.result, self.restarts = "inactive", "dead", "success", 0
        self._starts.clear()

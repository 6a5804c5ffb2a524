"""Loads a scenario anew when its file is saved, at the same task: for authors (`play --watch`)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sim.api.errors import KubedrillError
from sim.lab.scenario import load

if TYPE_CHECKING:
    from sim.lab.lab import Lab


class Watched:
    """A scenario file under watch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen = self._stamp()

    def _stamp(self) -> tuple[int, int]:
        try:
            found = self.path.stat()
        except OSError:
            return 0, 0
        return found.st_mtime_ns, found.st_size

    def reloaded(self, lab: Lab) -> tuple[Lab | None, str]:
        """Give a new lab when the file was saved since, and what is wrong with it, if anything."""
        stamp = self._stamp()
        if stamp == self._seen or stamp == (0, 0):
            return None, ""
        self._seen = stamp
        from sim.lab.lab import Lab

        try:
            new = Lab(load(self.path), seed=lab.seed, kubernetes=lab.kubernetes)
            task = lab.task
            if task is not None and task.name in [each.name for each in new.tasks]:
                new.go_to(task.name)
        except (KubedrillError, OSError) as error:
            return None, str(error)
        lab.close()
        return new, ""

"""Images as behaviours: how long containers take, what they write, whether they end, who refuses to give the image.

The catalogue is data (`scenarios/images.yaml`); a scenario's own images and a pod's `oracle/…` annotations win.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Any

from sim.api import documents
from sim.api.client import Object

OFFICIAL = "docker.io/library/"


@dataclass(frozen=True, slots=True)
class Image:
    """What an image does. Seconds are typical values.

    stop_seconds None: ignores SIGTERM and is killed after the grace period. run_seconds None: does not end by itself.
    pull_error: `not-found`, `denied`, or "" when it can be pulled. spread: whether durations vary around the typical
    value (a scenario's own are exact). own: the scenario says what it does, so its command line is not interpreted.
    ports None: it answers on any port. cpu_milli: thousandths of a processor it uses; call_milli: how much more for each
    container that calls it in a loop. quits_on: arguments with which it ends at once, well.
    """

    pull_seconds: float = 3.0
    start_seconds: float = 0.3
    stop_seconds: float | None = 0.5
    run_seconds: float | None = None
    exit_code: int = 0
    ready: bool = True
    ready_after_seconds: float = 0.0
    unhealthy_after_seconds: float | None = None
    ports: tuple[int, ...] | None = None
    logs: tuple[str, ...] = ()
    mib: float = 40.0
    memory_mib: float = 20.0
    cpu_milli: float = 1.0
    call_milli: float = 5.0
    pull_error: str = ""
    program: str = ""
    shell: bool = False
    quits_on: tuple[str, ...] = ()
    spread: bool = True
    own: bool = False
    newest: tuple[int, int] = (0, 0)


@dataclass
class Catalogue:
    """All images that can be known: the catalogue's, and the scenario's own."""

    known: Mapping[str, Image]
    own: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._cache: dict[str, Image] = {}

    @property
    def stand_in(self) -> bool:
        """Tell whether kubelets are the stand-ins of the recorded runs: one behaviour for all images, no states between."""
        return "default" in self.own

    def behaviour(self, image: str, pod: Object) -> Image:
        """Give what a container of an image does in a pod."""
        found = self._cache.get(image)
        if found is None:
            found = self._cache[image] = self._find(image)
        notes = pod["metadata"].get("annotations")
        return _annotated(found, notes) if notes else found

    def _find(self, image: str) -> Image:
        given = self.own.get(image) or self.own.get("default")
        folder, name, tag = parts(image)
        found = self.known.get(name)
        if given:
            return _own(found or Image(), given)
        if found is not None and found.newest != (0, 0) and not _tag_exists(tag, found.newest):
            return replace(found, pull_error="not-found")
        if found is None and folder in ("", "library"):
            return Image(pull_error="denied")
        return found or Image()


def read(text: str) -> dict[str, Image]:
    """Read the catalogue's file."""
    rows: dict[str, dict[str, Any]] = documents.load(text)["images"]
    return {name: _row(row) for name, row in rows.items()}


def _row(row: dict[str, Any]) -> Image:
    plain = Image()
    major, _, minor = str(row.get("newest", "0.0")).partition(".")
    return Image(
        pull_seconds=row.get("pull", plain.pull_seconds), start_seconds=row.get("start", plain.start_seconds),
        stop_seconds=row.get("stop", plain.stop_seconds), run_seconds=row.get("run"),
        ready_after_seconds=row.get("ready_after", 0.0), ports=tuple(row["ports"]) if row.get("ports") else None,
        logs=tuple(row.get("logs", ())), mib=row.get("mib", plain.mib), memory_mib=row.get("memory_mib", plain.memory_mib),
        cpu_milli=row.get("cpu_milli", plain.cpu_milli), call_milli=row.get("call_milli", plain.call_milli),
        program=row.get("program", ""), shell=row.get("shell", False), quits_on=tuple(row.get("quits_on", ())),
        newest=(int(major), int(minor)))


FIELDS = {"logs": tuple, "ports": tuple}


def _own(base: Image, given: Mapping[str, Any]) -> Image:
    """Put a scenario's words over the catalogue's; nothing of it varies, and pulls take no time unless it says so."""
    said: dict[str, Any] = {name: FIELDS.get(name, lambda value: value)(value) for name, value in given.items()
            if name in Image.__slots__ and value is not None}
    words: dict[str, Any] = {"pull_seconds": 0.0, "run_seconds": None, "pull_error": "", **said, "spread": False, "own": True}
    found = replace(base, **words)
    return replace(found, stop_seconds=None) if given.get("stops_on_term") is False else found


def _annotated(found: Image, notes: Mapping[str, str]) -> Image:
    said: dict[str, Any] = {}
    for name in ("start-seconds", "stop-seconds", "run-seconds"):
        if f"oracle/{name}" in notes:
            said[name.replace("-", "_")] = float(notes[f"oracle/{name}"])
    if "oracle/never-ready" in notes:
        said["ready"] = False
    return replace(found, **said) if said else found


@lru_cache(maxsize=4096)
def parts(image: str) -> tuple[str, str, str]:
    """Split an image into folder (registry host and path), name and tag (`latest` without one)."""
    plain, _, digest = image.partition("@")
    head, _, tail = plain.rpartition("/")
    name, _, tag = tail.partition(":")
    return head.removeprefix("docker.io").removeprefix("/").removesuffix("/"), name, tag or digest or "latest"


def _tag_exists(tag: str, newest: tuple[int, int]) -> bool:
    if tag.startswith("sha256:"):
        return True
    match = re.match(r"v?(\d+)(?:\.(\d+))?(?:[.\-_].*)?$", tag)
    if match:
        return (int(match[1]), int(match[2] or 0)) <= newest
    return bool(re.match(r"(latest|stable|mainline|alpine|slim|bookworm|bullseye|trixie|jammy|noble|focal|musl|glibc|uclibc|edge"
                         r"|rolling|lts|current|perl|apache|fpm|cli|jre|jdk|management)\b", tag))


@lru_cache(maxsize=4096)
def full_name(image: str) -> str:
    """Name an image as the container runtime does: `docker.io/library/nginx:latest`."""
    plain, at, digest = image.partition("@")
    head, _, tail = plain.rpartition("/")
    if not at and ":" not in tail:
        plain += ":latest"
    first = head.split("/")[0]
    if not head:
        plain = OFFICIAL + plain
    elif "." not in first and ":" not in first and first != "localhost":
        plain = f"docker.io/{plain}"
    return plain + at + digest


@lru_cache(maxsize=4096)
def image_id(image: str) -> str:
    """Give the image's digest reference, made from its name: the same name is the same content."""
    name = full_name(image).partition("@")[0]
    head, _, tail = name.rpartition("/")
    return f"{head}/{tail.partition(':')[0]}@sha256:{sha256(name.encode()).hexdigest()}"


def pull_problem(image: str, error: str) -> str:
    """Say as containerd does why an image cannot be pulled."""
    name = full_name(image)
    head = f'failed to pull and unpack image "{name}": failed to resolve reference "{name}": '
    if error == "not-found":
        return f"rpc error: code = NotFound desc = {head}{name}: not found"
    if error == "denied":
        return (f"failed to pull and unpack image \"{name}\": failed to resolve reference \"{name}\": pull access denied, "
                "repository does not exist or may require authorization: server message: insufficient_scope: "
                "authorization failed")
    return f"rpc error: code = Unknown desc = {head}{error}"



"""The verbs of velero, each with its flags. Models: pkg/cmd/velero/velero.go, pkg/cmd/cli."""

from __future__ import annotations

from sim.api.errors import NotSimulated, StatusError, TransportError
from sim.engine import Steps, microseconds
from sim.shell.kubectl.frame.errors import Exit, UsageError
from sim.shell.kubectl.words.flags import Flag
from sim.shell.pipes import COMMANDS, Call
from sim.shell.velero import install, making, showing
from sim.shell.velero.session import Run, Session, VeleroError

START_SECONDS = 0.2


def _strings(*names: str) -> tuple[Flag, ...]:
    return tuple(Flag(name, "slice", default=[]) for name in names)


def _maybe(*names: str) -> tuple[Flag, ...]:
    return tuple(Flag(name, default="", bare="true") for name in names)


CHOOSING = (*_strings("include-namespaces", "exclude-namespaces", "include-resources", "exclude-resources"),
            *_maybe("include-cluster-resources"), Flag("selector", short="l"), Flag("labels"))
KEEPING = (*CHOOSING, Flag("ttl", default="720h0m0s"), Flag("storage-location"), *_maybe("snapshot-volumes"))
WAIT = Flag("wait", "bool", "w", default=False, bare="true")
FORM = Flag("output", short="o")
DETAILS = Flag("details", "bool", default=False, bare="true")
CONFIRM = (Flag("confirm", "bool", default=False, bare="true"), Flag("all", "bool", default=False, bare="true"))
VERBS: dict[str, tuple[Run, tuple[Flag, ...]]] = {
    "install": (install.run, (
        Flag("provider"), *_strings("plugins"), Flag("bucket"), Flag("prefix"), Flag("secret-file"), Flag("image"),
        Flag("use-volume-snapshots", default="true", bare="true"), Flag("backup-location-config"), Flag("snapshot-location-config"),
        Flag("wait", "bool", default=False, bare="true"), Flag("no-secret", "bool", default=False, bare="true"))),
    "backup create": (making.backup, (*KEEPING, WAIT, Flag("from-schedule"), FORM)),
    "backup get": (showing.backups, (FORM, Flag("selector", short="l"))),
    "backup describe": (showing.describe_backup, (DETAILS,)),
    "backup logs": (showing.backup_logs, ()), "backup delete": (making.delete_backup, CONFIRM),
    "restore create": (making.restore, (
        *CHOOSING, Flag("from-backup"), Flag("from-schedule"), Flag("namespace-mappings"), Flag("existing-resource-policy"),
        *_maybe("restore-volumes", "preserve-nodeports"), WAIT, FORM)),
    "restore get": (showing.restores, (FORM,)), "restore describe": (showing.describe_restore, (DETAILS,)),
    "restore logs": (showing.restore_logs, ()), "restore delete": (making.delete, CONFIRM),
    "schedule create": (making.schedule, (*KEEPING, Flag("schedule"), Flag("paused", "bool", default=False, bare="true"))),
    "schedule get": (showing.schedules, (FORM,)), "schedule describe": (showing.describe_schedule, ()),
    "schedule delete": (making.delete, CONFIRM), "schedule pause": (making.pause, ()), "schedule unpause": (making.pause, ()),
    "backup-location get": (showing.locations, (FORM,)), "version": (showing.version, (
        Flag("client-only", "bool", default=False, bare="true"),)),
}
PLURALS = {"backups": "backup", "restores": "restore", "schedules": "schedule", "backup-locations": "backup-location"}
"""`velero get backups` is `velero backup get`."""


def velero(call: Call) -> Steps[int]:
    """Run velero."""
    yield call.engine.sleep(microseconds(START_SECONDS))
    try:
        path, words = find(list(call.argv))
        run, flags = VERBS[path]
        session = Session(call, path, words, flags)
        if session.flags["help"]:
            raise NotSimulated(f"velero {path} --help")
        return (yield from run(session))
    except VeleroError as error:
        call.write(f"An error occurred: {error}\n", "stderr")
    except Exit as end:
        return end.status
    except UsageError as error:
        call.write(f"Error: {error.text.partition(chr(10))[0]}\n", "stderr")
    except StatusError as error:
        call.write(f"An error occurred: {error.message}\n", "stderr")
    except TransportError as error:
        call.write(f"An error occurred: {error.message}\n", "stderr")
    except NotSimulated as error:
        return call.refuse(error.what)
    return 1


def find(words: list[str]) -> tuple[str, list[str]]:
    """Find the verb in words; `get backups` and `create backup` are other ways to say it. Raises NotSimulated."""
    plain = [word for word in words if not word.startswith("-")][:2]
    for first, second in ((plain[:1], []), (plain[:1], plain[1:2])):
        path = " ".join([*first, *second])
        if path in VERBS:
            return path, _without(words, [*first, *second])
    if len(plain) == 2:
        path = f"{PLURALS.get(plain[1], plain[1])} {plain[0]}"
        if path in VERBS:
            return path, _without(words, plain)
    raise NotSimulated(f"velero {' '.join(plain)}".strip())


def _without(words: list[str], gone: list[str]) -> list[str]:
    left = list(words)
    for word in gone:
        left.remove(word)
    return left


COMMANDS["velero"] = velero

"""etcdutl: works on files, never on the network. Since 3.5.

Models: etcdutl/ctl.go.
"""

from __future__ import annotations

from dataclasses import replace

from sim.engine import SECOND_US, Steps, microseconds
from sim.etcd import snapshot
from sim.etcd.cluster import DataDir
from sim.etcd.snapshot import Damaged
from sim.host.files import FileError, LiveFile
from sim.shell.etcd import endpoints, snapshots
from sim.shell.etcd.frame import shapes
from sim.shell.etcd.frame.client import Failure
from sim.shell.etcd.frame.commands import Minor
from sim.shell.etcd.frame.ctl import START_SECONDS, Run, installed, minor_of, run, verb
from sim.shell.pipes import COMMANDS, Call

__all__ = ["etcd", "etcdutl", "server_version", "snapshots"]


def etcdutl(call: Call) -> Steps[int]:
    """Run etcdutl."""
    version = installed(call)
    yield call.engine.sleep(microseconds(START_SECONDS))
    return (yield from run(call, "etcdutl", version, max(minor_of(version), (3, 5))))


@verb("etcdutl version")
def version_of(run: Run) -> int:
    """Print the version."""
    run.say(f"etcdutl version: {run.version}\nAPI version: {run.minor[0]}.{run.minor[1]}\n")
    return 0


def _directory(run: Run) -> tuple[str, str]:
    """Give the data directory that was named, as typed and as a path. Raises Failure."""
    folder = run.given["data-dir"]
    if not folder:
        raise Failure('required flag(s) "data-dir" not set')
    return folder, run.call.path(folder)


@verb("etcdutl defrag")
def defrag(run: Run) -> Steps[int]:
    """Give the free pages of a data directory back; while an etcd uses it, wait for its lock."""
    folder, path = _directory(run)
    db = f"{path}/member/snap/db"
    try:
        node = run.call.files.find(db)
        if isinstance(node, LiveFile) and isinstance(node.stands_for, DataDir):
            while node.stands_for.member in node.stands_for.cluster.running:
                yield run.call.engine.sleep(SECOND_US)
            node.stands_for.cluster.defragment()
            return 0
        image = snapshot.decode(run.call.files.read(db))
        run.call.files.write(db, snapshot.encode(replace(image, bytes_total=snapshot.pages(snapshot.in_use(image)))))
    except FileError as error:
        raise Failure(f'Failed to defragment etcd data[{folder}] (open {folder}/member/snap/db: {str(error).lower()})') from None
    except Damaged:
        raise Failure(f"Failed to defragment etcd data[{folder}] (invalid database)") from None
    return 0


@verb("etcdutl hashkv")
def hashkv(run: Run) -> int:
    """Print the digest of a file's history."""
    if len(run.words) != 1:
        raise Failure("hashkv command needs exactly one argument as file name", 128)
    try:
        image = snapshot.decode(run.call.files.read(run.call.path(run.words[0])))
    except FileError as error:
        raise Failure(f"open {run.words[0]}: {str(error).lower()}") from None
    except Damaged:
        raise Failure("invalid database") from None
    upto = run.given.number("rev") or image.revision
    found = endpoints.digest_of(image.records, upto)
    cells = [str(found), str(upto), str(image.compacted or -1)]
    return shapes.show(
        run, simple=lambda: ", ".join(cells) + "\n", table=(("HASH", "HASH REVISION", "COMPACT REVISION"), [cells]),
        data=lambda: {"hash": found, "hashRevision": upto, "compactRevision": image.compacted or -1},
        rows=lambda: [("Hash", found), ("Hash revision", upto), ("Compact revision", image.compacted or -1)])


GO = {(3, 4): "go1.22.11", (3, 5): "go1.23.7", (3, 6): "go1.23.11"}
"""What the last releases of each minor were built with."""


def server_version(version: str, minor: Minor) -> str:
    """Write what `etcd --version` says."""
    return (f"etcd Version: {version}\nGit SHA: Not provided (use ./build instead of go build)\n"
            f"Go Version: {GO.get(minor, 'go1.12.17')}\nGo OS/Arch: linux/amd64\n")


def etcd(call: Call) -> int:
    """Print the server's version; it runs as a unit or in a container."""
    version = installed(call)
    if call.argv in (["--version"], ["-version"]):
        call.write(server_version(version, minor_of(version)))
        return 0
    return call.refuse("etcd by hand; its unit runs it")


COMMANDS["etcdutl"] = etcdutl
COMMANDS["etcd"] = etcd

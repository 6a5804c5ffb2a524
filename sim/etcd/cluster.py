"""The members of one etcd cluster: who belongs to it, who leads, what each has on its disk.

The log is one store; a member that is cut off or down stands at an earlier revision of it. Raft's messages are not
modelled: a majority of voters that reach each other has a leader, after an election time-out when it lost one.

Models: server/etcdserver/api/membership, raft's rules of quorum and election.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from sim.engine import Engine, Timer
from sim.etcd import ids, upgrade
from sim.etcd.rules import quorum
from sim.etcd.snapshot import Image, Member, in_use, pages, usual_total
from sim.etcd.store import Index, Store

ELECTION_LOW_US, ELECTION_HIGH_US = 1_000_000, 2_000_000
"""--election-timeout 1000 ms, and up to twice that by chance."""
Indexes = Mapping[str, Mapping[str, Index]]
Notice = Callable[[], None]


class Server(Protocol):
    """A running member as its cluster sees it."""

    version: str

    @property
    def slow(self) -> bool:
        """Tell whether its disk is so slow that others had better lead."""

    def reaches(self, other: Server) -> bool:
        """Tell whether packets pass between the two."""


class DataDir:
    """What a member has under its --data-dir. upto: the revision at which it stands; None while it has everything."""

    def __init__(self, cluster: Cluster, member: int) -> None:
        self.cluster = cluster
        self.member = member
        self.upto: int | None = None
        self.locked = False

    @property
    def revision(self) -> int:
        """Give the revision at which this member stands."""
        return self.cluster.store.revision if self.upto is None else self.upto

    def image(self) -> Image:
        """Give what the database file holds now."""
        return self.cluster.image(self.upto)

    def state(self) -> tuple[Any, ...]:
        """Give something that is equal while the files are."""
        return self.cluster.state(self.upto)


class Cluster:
    """A cluster. engine: for its elections. token: --initial-cluster-token."""

    def __init__(self, engine: Engine, store: Store, members: Iterable[Member], cluster: int, token: str = ids.TOKEN) -> None:
        self.engine = engine
        self.store = store
        self.id = cluster
        self.token = token
        self.members: dict[int, Member] = {each.id: each for each in members}
        self.removed: dict[int, None] = {}
        self.running: dict[int, Server] = {}
        self.dirs: dict[int, DataDir] = {}
        self.alarms: dict[tuple[int, str], None] = {}
        self.auth: dict[str, Any] = {}
        self.leader = 0
        self.term = 1
        self.version = ""
        self.downgrade = ""
        self.storage_version = ""
        self.allocated = 0
        self.changed_us = 0
        self._entries = len(self.members)
        self._version_number = 0
        self._election: Timer | None = None
        self._notices: dict[Notice, None] = {}

    # ---- who leads --------------------------------------------------------------------------------------------
    def voters(self) -> list[int]:
        """Give the ids of the members that vote."""
        return [each.id for each in self.members.values() if not each.learner]

    def reached_by(self, member: int) -> list[int]:
        """Give the running members that a member reaches, itself among them."""
        server = self.running.get(member)
        return [] if server is None else [
            other for other, its in self.running.items() if other == member or server.reaches(its)]

    def _has_quorum(self, member: int) -> bool:
        voters = self.voters()
        return member in voters and sum(other in voters for other in self.reached_by(member)) >= quorum(len(voters))

    def follows(self, member: int) -> bool:
        """Tell whether a member has a leader now."""
        return self.leader != 0 and member in self.members and member in self.reached_by(self.leader)

    def look(self) -> None:
        """Look who reaches whom: a leader without majority steps down, a majority without leader elects one."""
        if self.leader and (self.leader not in self.running or not self._has_quorum(self.leader)):
            self.leader = 0
            self._note_behind()
            self._elect_later()
            self.tell()
        elif not self.leader:
            if self.term <= 1 or len(self.members) == 1:
                self._elect()
            else:
                self._elect_later()
        self._note_behind()

    def _elect_later(self) -> None:
        if (self._election is None or not self._election.pending) and any(map(self._has_quorum, self.running)):
            wait_us = self.engine.stream(f"etcd.election.{self.id:x}").uniform(ELECTION_LOW_US, ELECTION_HIGH_US)
            self._election = self.engine.after(wait_us, self._elect, label="etcd elects a leader")

    def _elect(self) -> None:
        if self.leader:
            return
        able = [each for each in self.running if self._has_quorum(each)]
        if not able:
            return
        able = [each for each in able if not self.running[each].slow] or able
        newest = max(self.dirs[each].revision for each in able)
        best = [each for each in able if self.dirs[each].revision == newest]
        choice = self.engine.stream(f"etcd.leader.{self.id:x}").uniform(0, len(best) - 1) if len(best) > 1 else 0
        self.lead(sorted(best)[choice])

    def step_down(self, member: int) -> None:
        """A leader that is late with its heartbeats loses the lead, if there is another that can have it."""
        if self.leader == member and any(
                each != member and self._has_quorum(each) and not self.running[each].slow for each in self.running):
            self.leader = 0
            self._note_behind()
            self._elect_later()
            self.tell()

    def lead(self, member: int) -> None:
        """Make a member the leader of the next term."""
        self.leader = member
        self.term += 1
        self._entries += 1
        self._note_behind()
        self.tell()

    def _note_behind(self) -> None:
        for member, data in self.dirs.items():
            if self.follows(member):
                data.upto = None
            elif data.upto is None:
                data.upto = self.store.revision

    # ---- coming and going -------------------------------------------------------------------------------------
    def join(self, data: DataDir, server: Server) -> None:
        """A member runs now."""
        self.running[data.member] = server
        self.dirs[data.member] = data
        self.look()
        self._settle_version()
        self.tell()

    def leave(self, member: int) -> None:
        """A member has ended."""
        self.running.pop(member, None)
        self.look()
        self.tell()

    def disarm(self) -> list[tuple[int, str]]:
        """Take all alarms back; gives them."""
        found = list(self.alarms)
        self.alarms.clear()
        self.entry()
        return found

    # ---- versions ---------------------------------------------------------------------------------------------
    def enable_downgrade(self, target: str) -> None:
        """Let members of a lower version join: the cluster's version goes down at once."""
        self.downgrade = target
        self.entry()
        self._settle_version()

    def cancel_downgrade(self) -> None:
        """Give a downgrade up."""
        self.downgrade = ""
        self.entry()
        self._settle_version()

    def _settle_version(self) -> None:
        """Let the cluster's version follow its lowest member; one that is down cannot be asked."""
        if not self.leader:
            return
        servers = [server.version if (server := self.running.get(each)) is not None else None for each in self.members]
        if not self.version and None in servers:
            servers = [each for each in servers if each is not None]
        settled = upgrade.decide(servers, self.version or None, self.downgrade or None)
        if settled != self.version:
            self.version = settled
            self.entry()
        if self.downgrade and None not in servers and upgrade.finished(self.downgrade, [each for each in servers if each]):
            self.downgrade = ""  # all have come down: the job is done
            self.entry()
        least = upgrade.lowest(servers)
        if least is not None and upgrade.minor(least) >= upgrade.STORES_VERSION:
            self.storage_version = upgrade.storage(self.version, self.storage_version or None) or ""
        elif least is not None:
            self.storage_version = ""

    def entry(self) -> None:
        """Note a log entry that is no revision: a change of members, of the cluster version, an alarm."""
        self._entries += 1
        self._version_number += 1

    def on_change(self, notice: Notice) -> Notice:
        """Be told when leaders or members change; gives the way to stop."""
        self._notices[notice] = None

        def stop() -> None:
            self._notices.pop(notice, None)

        return stop

    def tell(self) -> None:
        """Tell who wants to know."""
        self._version_number += 1
        for notice in list(self._notices):
            notice()

    @property
    def index(self) -> int:
        """Give the index of the last log entry."""
        return self._entries + self.store.revision + 1

    # ---- on disk ----------------------------------------------------------------------------------------------
    def state(self, upto: int | None) -> tuple[Any, ...]:
        """Give something that is equal while the database is."""
        return (self.store.revision if upto is None else upto, self.store.compacted(), self._version_number, self.allocated,
                len(self.store.keys.leases))

    def image(self, upto: int | None = None) -> Image:
        """Give what a member's database holds that stands at a revision."""
        store, records = self.store, self.store.keys.kept()
        if upto is not None and upto < store.revision:
            records = [record for record in records if record.main <= upto]
        made = Image(
            store.revision if upto is None else upto, store.compacted(), tuple(records), tuple(self.members.values()),
            tuple(self.removed), self.id, self.storage_version, self.version, self.term, self.index,
            tuple((lease.id, lease.ttl) for lease in store.keys.leases.values()), store.lifetimes(), tuple(self.alarms),
            self.auth)
        return replace(made, bytes_total=self.size(made))

    def size(self, image: Image | None = None) -> int:
        """Give the size of the database: it grows and never shrinks by itself."""
        used = in_use(image or self.image())
        if used > self.allocated:
            self.allocated = usual_total(used)
        return self.allocated

    def defragment(self) -> None:
        """Give the free pages back."""
        self.allocated = 0
        self.allocated = pages(in_use(self.image()))
        self._version_number += 1


def from_image(engine: Engine, image: Image, indexes: Indexes, *, keep_history: bool = True) -> Cluster:
    """Open a database file: a cluster whose store is what the file says."""
    store = Store(engine, indexes, keep_history=keep_history)
    store.load(image.records, image.revision, image.compacted, image.lifetimes)
    for lease, ttl in image.leases:
        found = store.keys.grant(ttl, lease)
        for record in image.records:
            if record.lease == lease:
                found.keys[record.key] = None
    made = Cluster(engine, store, image.members, image.cluster)
    made.removed = dict.fromkeys(image.removed)
    made.term, made.version, made.storage_version = image.term, image.cluster_version, image.version
    made.alarms = dict.fromkeys(image.alarms)
    made.auth = dict(image.auth)
    made.allocated = image.bytes_total
    made._entries = max(image.index - image.revision - 1, len(image.members))
    return made

"""etcd's life on a host: check flags and files, open or found a data directory, serve, close.

Models: etcdmain/etcd.go, embed, etcdserver/bootstrap.go, as far as a lab sees them.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace

from sim.api.errors import TransportError
from sim.apiserver.resources import INDEXES
from sim.components.base import ETCD_PORT, Fatal, Program, address_of
from sim.components.etcd import logs, settings
from sim.components.etcd.settings import Settings
from sim.engine import SECOND_US, Timer
from sim.etcd import ids, upgrade
from sim.etcd.cluster import Cluster, DataDir, from_image
from sim.etcd.snapshot import Damaged, Member
from sim.etcd.store import Store
from sim.host import tls
from sim.host.etcd import datadir as files
from sim.host.etcd.member import MemberServer, PeerPort
from sim.host.files import DIRECTORY, NOT_FOUND, FileError, View
from sim.pki import Certificate, PkiError, Problem, SigningRequest, issue
from sim.program import Start

PEER_PORT = 2380
FULL_US = 5 * SECOND_US
"""How long a member goes on whose disk is full, until its log must grow."""


class Etcd(Program):
    """One etcd member."""

    name = "etcd"
    start_seconds = 1.0
    usage_status = 2
    health_ports = (2381, 2379)

    def __init__(self, start: Start) -> None:
        super().__init__(start)
        self.settings: Settings
        self.server: MemberServer | None = None
        self._peer_ports: list[int] = []
        self._full: Timer | None = None
        self._was_slow = False
        self._stops: list[Callable[[], None]] = []

    # ---- checks -----------------------------------------------------------------------------------------------
    def unknown_flag(self, name: str) -> str:
        """Say it as Go's flag package does."""
        return f"flag provided but not defined: -{name}\nUsage:"

    def unexpected(self, word: str) -> str:
        """Say it as etcd does."""
        return f"'{word}' is not a valid flag"

    def log(self, level: str, caller: str, message: str, **more: object) -> None:
        """Write a line of the log, in the form of this version."""
        self.owner.wrote(logs.line(self.minor, self.engine.unix_us, level, caller, message, more))

    def check(self) -> None:
        """Check flags and certificates. Raises Fatal."""
        self.settings = settings.read(self.flags, self.start_.env, self)
        self._secured("client", self.settings.client_urls)
        self._secured("peer", self.settings.peer_urls)
        taken = {address_of(url, PEER_PORT) for url in self.settings.peer_urls}
        for host, port in (address_of(url, ETCD_PORT) for url in self.settings.client_urls):
            if (host, port) in taken:
                raise self.fatal(f"listen tcp {host}:{port}: bind: address already in use")

    def fatal(self, text: str) -> Fatal:
        """Make the end that etcd's main says with `discovery failed`."""
        return Fatal(logs.line(self.minor, self.engine.unix_us, "fatal", "etcdmain/etcd.go:204", "discovery failed",
                               {"error": text}))

    def verifying(self, text: str) -> Fatal:
        """Make the end that etcd's main says with a wrong configuration file."""
        return Fatal(logs.line(self.minor, self.engine.unix_us, "warn", "etcdmain/etcd.go:75", "failed to verify flags",
                               {"error": text}))

    def _secured(self, which: str, urls: tuple[str, ...]) -> None:
        """Read the files of a port's certificates. Raises Fatal."""
        prefix = "peer-" if which == "peer" else ""
        if not any(url.startswith("https") for url in urls):
            return
        paths = {flag: self.flags.get(f"{prefix}{flag}", "") for flag in ("cert-file", "key-file", "trusted-ca-file")}
        for path in filter(None, paths.values()):
            try:
                self.read_file(path)
            except FileError as error:
                raise self.fatal(f"open {path}: {str(error).lower()}") from None
        automatic = self.flags.get(f"{prefix}auto-tls") == "true"
        if not (paths["cert-file"] and paths["key-file"]):
            if automatic:
                return
            shown = next(url for url in urls if url.startswith("https")).partition("//")[2]
            raise self.fatal(f"cannot listen on TLS for {shown}: KeyFile and CertFile are not presented")
        try:
            tls.pair(self.read_file, paths["cert-file"], paths["key-file"])
        except PkiError as error:
            raise self.fatal(str(error)) from None

    def _serving(self) -> tls.Serving | None:
        """Show the certificate that lies in its file now, None without TLS. Models: client/pkg/transport/listener.go."""
        if not any(url.startswith("https") for url in self.settings.client_urls):
            return None
        now_s = self.engine.unix_us // SECOND_US
        made = issue(SigningRequest("etcd", "", ("etcd",), ("localhost",), ("127.0.0.1", self.host.address)), None, now_s=now_s)

        def certificate() -> Certificate | None:
            if not self.flags.get("cert-file"):
                return made  # --auto-tls
            try:
                return tls.pair(self.read_file, self.flags["cert-file"], self.flags["key-file"])
            except (FileError, PkiError, KeyError):
                return None

        return tls.Serving(
            certificate, lambda: tls.try_certificates(self.read_file, self.flags.get("trusted-ca-file", "")),
            requires=self.flags.get("client-cert-auth") == "true", said=self._rejected)

    def _rejected(self, certificate: Certificate, problem: Problem) -> None:
        port = self.engine.stream("etcd.ports").uniform(32768, 60999)
        self.log("warn", "embed/config_logging.go:170", "rejected connection", **{
            "remote-addr": f"127.0.0.1:{port}", "server-name": "", "error": f"tls: failed to verify certificate: {problem}"})

    # ---- its start --------------------------------------------------------------------------------------------
    def begin(self) -> None:
        """Open the data directory and serve."""
        try:
            data, is_new = self._open()
            self._serve(data, is_new=is_new)
        except Fatal as error:
            for line in str(error).split("\n"):
                self.owner.wrote(line)
            self.exit(error.status)

    @property
    def folder(self) -> str:
        """Give where the data directory lies on the host, "" where it is not on a volume."""
        wanted = self.settings.data_dir
        return self.start_.path(wanted if wanted.startswith("/") else f"/{wanted}")

    def _new_store(self) -> Store:
        return Store(self.engine, INDEXES, keep_history=self.host.network.keep_history)

    def _open(self) -> tuple[DataDir, bool]:
        """Give the data directory, and whether it is new. Raises Fatal."""
        folder, view = self.folder, self.host.files.view(self.start_.uid, self.start_.uid)
        if not folder:
            # Not on a volume: what is written is gone with the container, so it begins empty every time.
            return self._found(self._new_store()), True
        self._touch(view, folder)
        try:
            data = files.opened(self.engine, view, folder, INDEXES, keep_history=self.host.network.keep_history)
        except FileError as error:
            raise self._unreadable(str(error).lower()) from None
        except Damaged as error:
            raise self._panic(error) from None
        is_new = data is None
        if data is None:
            data = self._found(self._new_store())
        elif not data.member:
            data = self._found(data.cluster.store)
            is_new = True
        self._check_versions(data.cluster)
        if data.member in data.cluster.removed:
            raise self._removed()
        if self.settings.force_new_cluster and not is_new:
            data = self._forced(data)
        try:
            files.install(self.host.files, view, folder, data)
        except FileError as error:
            raise self._unreadable(str(error).lower()) from None
        return data, is_new

    def _removed(self) -> Fatal:
        return Fatal(logs.line(self.minor, self.engine.unix_us, "fatal", "etcdmain/etcd.go:204", "discovery failed", {
            "error": "the member has been permanently removed from the cluster"}))

    def _forced(self, data: DataDir) -> DataDir:
        """Begin a cluster of one with what this member has: --force-new-cluster keeps the ids and drops the others."""
        image = data.image()
        own = [each for each in image.members if each.id == data.member]
        cluster = from_image(self.engine, replace(image, members=tuple(own)), INDEXES,
                             keep_history=self.host.network.keep_history)
        cluster.id, cluster.token = data.cluster.id, data.cluster.token
        self.log("info", "etcdserver/raft.go:615", "forcing restart member", **{
            "cluster-id": f"{cluster.id:x}", "local-member-id": f"{data.member:x}", "commit-index": cluster.index})
        view = self.host.files.view()
        db = f"{self.folder}/member/snap/db"
        if view.exists(db):
            view.find(db).data = b""  # the old cluster's file is no longer this member's
        return DataDir(cluster, data.member)

    def _touch(self, view: View, folder: str) -> None:
        """Make the data directory, or try to write into it. Raises Fatal."""
        shown = self.settings.data_dir
        try:
            node = view.find(folder)
        except FileError as error:
            if error.kind != NOT_FOUND:
                raise self.fatal(f"cannot access data directory: stat {shown}: {str(error).lower()}") from None
            try:
                view.make_dir(folder, parents=True)
            except FileError as problem:
                raise self.fatal(f"cannot access data directory: mkdir {shown}: {str(problem).lower()}") from None
            node = view.find(folder)
            node.mode = files.DIR_MODE
        if node.kind != DIRECTORY:
            raise self.fatal(f"cannot access data directory: mkdir {shown}: not a directory")
        if not (view.may(node, 2) and view.may(node, 1)):
            raise self.fatal(f"cannot access data directory: open {shown}/.touch: permission denied")
        if node.mode & 0o77 and self.minor >= (3, 5):
            mode = stat.filemode(0o40000 | node.mode)
            self.log("warn", "fileutil/fileutil.go:53", "check file permission", error=(
                f'directory "{shown}" exist, but the permission is "{mode}". The recommended permission is "-rwx------" to prevent '
                "possible unprivileged access to the data"))

    def _unreadable(self, error: str) -> Fatal:
        path = f"{self.settings.data_dir}/member/snap"
        return Fatal(logs.line(self.minor, self.engine.unix_us, "fatal", "etcdserver/server.go:448",
                               "failed to create snapshot directory", {"path": path, "error": f"open {path}/.touch: {error}"}))

    def _panic(self, error: Damaged) -> Fatal:
        path = f"{self.settings.data_dir}/member/snap/db"
        text = "file size too small" if error.truncated else "invalid database"
        return Fatal(logs.line(self.minor, self.engine.unix_us, "panic", "backend/backend.go:203", "failed to open database",
                               {"path": path, "error": text}) + "\npanic: failed to open database\n", 2)

    def _check_versions(self, cluster: Cluster) -> None:
        """Refuse what a newer etcd has written. Raises Fatal."""
        if not upgrade.starts(self.version, cluster.version or None, cluster.downgrade):
            raise Fatal(logs.line(
                self.minor, self.engine.unix_us, "panic", "membership/downgrade.go:56",
                upgrade.LOWER,
                {"current-server-version": self.version, "determined-cluster-version": cluster.version.rpartition(".")[0]}
            ) + f"\npanic: {upgrade.LOWER}\n", 2)

    def _found(self, store: Store) -> DataDir:
        """Found a cluster as --initial-cluster says, or join the one that is there already. Raises Fatal."""
        chosen = self.settings
        founders = {name: tuple(urls) for name, urls in chosen.initial_cluster.items()}
        if chosen.name not in founders:
            raise self.fatal(f"couldn't find local name \"{chosen.name}\" in the initial cluster configuration")
        if chosen.existing:
            return self._joined(founders)
        members = [Member(ids.member_id(urls, chosen.token), name, urls) for name, urls in founders.items()]
        own = next(each.id for each in members if each.name == chosen.name)
        wanted = ids.cluster_id(each.id for each in members)
        there = self._living(wanted) if len(members) > 1 else None
        cluster = there or Cluster(self.engine, store, members, wanted, chosen.token)
        return DataDir(cluster, own)

    def _joined(self, founders: dict[str, tuple[str, ...]]) -> DataDir:
        """Join the cluster that the other members of --initial-cluster are in. Raises Fatal."""
        others = [url for name, urls in founders.items() if name != self.settings.name for url in urls]
        cluster = None
        for url in others:
            try:
                found = self.host.dial(*address_of(url, PEER_PORT))
            except TransportError:
                continue
            if isinstance(found, PeerPort):
                cluster = found.server.cluster
        if cluster is None:
            raise self.fatal("cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs")
        shown = f"{{ClusterID:{cluster.id:x} Members:[{' '.join(f'&{{ID:{each:x}}}' for each in cluster.members)}] RemovedMemberIDs:[]}}"
        if len(cluster.members) != len(founders):
            raise self.fatal(f"error validating peerURLs {shown}: member count is unequal")
        known = {tuple(sorted(each.peer_urls)): each for each in cluster.members.values()}
        own = known.get(tuple(sorted(founders[self.settings.name])))
        if own is None or any(tuple(sorted(urls)) not in known for urls in founders.values()):
            raise self.fatal(f"error validating peerURLs {shown}: unmatched member while checking PeerURLs")
        return DataDir(cluster, own.id)

    def _living(self, cluster: int) -> Cluster | None:
        found: Cluster | None = self.host.network.etcds.get(cluster)
        return found

    def _serve(self, data: DataDir, *, is_new: bool) -> None:
        chosen, network = self.settings, self.host.network
        cluster = data.cluster
        living = self._living(cluster.id) if len(cluster.members) > 1 else None
        if living is not None and living is not cluster and living.running and data.member in living.members:
            data.cluster = cluster = living
        if len(cluster.members) > 1:
            network.etcds[cluster.id] = cluster
        if data.member not in cluster.members:
            raise self._removed()
        server = self.server = MemberServer(self.host, data, self.version, quota_bytes=chosen.quota_bytes)
        logs.starting(self, server, is_new=is_new)
        server.strict = self.flags.get("strict-reconfig-check", "true") == "true"
        self._stops = [cluster.on_change(self._changed), network.on_change(self._look)]
        self._publish(server)
        cluster.join(data, server)
        server.guard()
        server.ports = sorted({address_of(url, ETCD_PORT)[1] for url in chosen.client_urls})
        for port in server.ports:
            network.listen(self.host, port, server, self._serving())
        self._peer_ports = sorted({address_of(url, PEER_PORT)[1] for url in chosen.peer_urls})
        for port in self._peer_ports:
            network.listen(self.host, port, PeerPort(server))
        logs.serving(self, server)
        self.set_ready(ready=True)
        self._look()

    def _look(self) -> None:
        """Look who can be reached, and how the disk is."""
        server = self.server
        if server is None or not self.host.powered:
            return
        if server.slow != self._was_slow:
            self._was_slow = server.slow
            logs.disk(self, slow=server.slow)
            if server.slow:
                server.cluster.step_down(server.id)
        if self.host.files.full and self._full is None:
            self._full = self.engine.after(FULL_US, self._no_space, label=f"etcd on {self.host.name} cannot write its log")
        elif not self.host.files.full and self._full is not None:
            self._full.cancel()
            self._full = None
        server.cluster.look()

    def _no_space(self) -> None:
        if self.server is None:
            return
        path = f"{self.settings.data_dir}/member/wal/0000000000000000-0000000000000000.wal"
        self.log("fatal", "etcdserver/raft.go:239", "failed to save Raft hard state and entries",
                 error=f"write {path}: no space left on device")
        self.exit(1)

    def _publish(self, server: MemberServer) -> None:
        """Tell the cluster this member's name and client URLs; the cluster's version follows its lowest member."""
        cluster, chosen = server.cluster, self.settings
        member = cluster.members[server.id]
        named = Member(member.id, chosen.name, member.peer_urls, chosen.advertise_client_urls, member.learner)
        if named != member:
            cluster.members[server.id] = named
            cluster.entry()

    def _changed(self) -> None:
        """The cluster has a leader, or none: API servers that use this member look again."""
        server = self.server
        if server is None:
            return
        if server.member is None:
            self.log("error", "etcdserver/server.go:1154", "server error",
                     error="the member has been permanently removed from the cluster")
            self.log("warn", "etcdserver/server.go:1155", "data-dir used by this member must be removed")
            self.engine.after(0, self.exit, 0)
            return
        for port in server.ports:
            self.host.network.changed(port)

    def healthy(self, path: str, port: int) -> str:
        """Answer a probe: /health and /readyz need a leader, /livez does not."""
        if port not in self.health_ports or not self.ready:
            return "connection refused"
        if path.startswith("/livez"):
            return ""
        return "" if self.server is not None and self.server.serves else "503"

    def end(self, *, kill: bool) -> None:
        """Close the ports."""
        for stop in self._stops:
            stop()
        self._stops = []
        server, self.server = self.server, None
        if server is not None:
            for port in (*server.ports, *self._peer_ports):
                self.host.network.close(self.host, port)
            if self._full is not None:
                self._full.cancel()
                self._full = None
            server.unguard()
            server.cluster.leave(server.id)

"""ps, pgrep, pidof, ss, netstat: the programs of a host and their ports.

Models: procps and iproute2, as far as labs type them. Programs are those of units and of containers; kernel threads are
left out.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sim.engine import SECOND_US
from sim.host.machine import Host
from sim.shell.pipes import COMMANDS, Call

LOCAL_PORTS = {"kube-scheduler": (10259,), "kube-controller-manager": (10257,), "kubelet": (10248,), "kube-proxy": (10249,),
               "etcd": (2381,)}
ANY_PORTS = {"kubelet": (10250,), "kube-proxy": (10256,), "sshd": (22,), "kube-apiserver": (6443,)}
PEER_PORT = 2380


class Running(NamedTuple):
    """An OS process as ps shows it. started_us: since 1970."""

    pid: int
    parent: int
    user: str
    argv: tuple[str, ...]
    started_us: int
    kib: int
    percent: float

    @property
    def program(self) -> str:
        """Give its name without path."""
        return self.argv[0].rpartition("/")[2].rstrip(":")


USES = {"kube-apiserver": (261_120, 3.1), "etcd": (51_200, 1.6), "kube-controller-manager": (104_448, 1.2),
        "kube-scheduler": (57_344, 0.3), "kubelet": (98_304, 1.8), "containerd": (62_464, 0.6), "flanneld": (42_000, 0.1)}


def running(host: Host) -> list[Running]:
    """List what runs on a host, by process number."""
    found = [Running(1, 0, "root", ("/sbin/init",), host.booted_us, 13_000, 0.0)]
    for name in host.systemd.names():
        unit = host.unit(name)
        if unit is not None and unit.running:
            kib, percent = USES.get(unit.short, (7_000, 0.0))
            found.append(Running(unit.pid, 1, unit.user, tuple(unit.argv) or (unit.short,), unit.started_us, kib, percent))
    for sandbox in host.runtime.sandboxes.values():
        shim = 100_000 + int(sandbox.id[:4], 16)
        live = [container for container in sandbox.all() if container.running]
        if not live:
            continue
        found.append(Running(shim, 1, "root", ("/usr/bin/containerd-shim-runc-v2", "-namespace", "k8s.io", "-id", sandbox.id,
                                               "-address", "/run/containerd/containerd.sock"), sandbox.created_us, 11_000, 0.0))
        for container in live:
            argv = container.argv or (default_command(container.image),)
            kib, percent = USES.get(argv[0].rpartition("/")[2], (round(container.kind.memory_mib * 1024), 0.0))
            found.append(Running(container.pid, shim, "root", argv, container.started_us, kib, percent))
    return sorted(found)


def default_command(image: str) -> str:
    """Name what an image runs by itself."""
    name = image.rpartition("/")[2].partition(":")[0]
    return {"nginx": "nginx: master process nginx -g daemon off;", "httpd": "httpd -DFOREGROUND", "coredns":
            "/coredns -conf /etc/coredns/Corefile", "redis": "redis-server *:6379"}.get(name, f"/{name}")


def _when(started_us: int, now_us: int) -> str:
    started = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=started_us)
    return f"{started:%H:%M}" if now_us - started_us < 86_400 * SECOND_US else f"{started:%b%d}"


def _cpu_time(row: Running, now_us: int) -> int:
    return round((now_us - row.started_us) / SECOND_US * row.percent / 100)


def ps(call: Call) -> int:
    """List processes: aux, -ef, -e, -p, plain."""
    text = "".join(word.lstrip("-") for word in call.argv if not word.isdigit())
    wanted = [int(word) for word in call.argv if word.isdigit()]
    host, now = call.host, call.engine.unix_us
    rows = running(host)
    own = [Running(4000, 1, call.login.user, ("-bash",), host.booted_us, 5_200, 0.0),
           Running(4999, 4000, call.login.user, ("ps", *call.argv), now, 1_600, 0.0)]
    if set(text) - set("auxwefAp") or "--" in " ".join(call.argv):
        return call.refuse(f"ps {' '.join(call.argv)}")
    if "p" in text:
        rows = [row for row in rows if row.pid in wanted]
    else:
        rows = sorted([*rows, *own])
    total = host.memory_bytes >> 10
    if "u" in text:
        call.write("USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n")
        for row in rows:
            seconds = _cpu_time(row, now)
            tty, state = ("pts/0", "Ss" if row.argv == ("-bash",) else "R+") if row in own else ("?", "Ssl")
            call.write(f"{row.user:<9}{row.pid:>7} {row.percent:4.1f} {row.kib * 100 / total:4.1f} {row.kib * 6:>6} {row.kib:>5} "
                       f"{tty:<8} {state:<4} {_when(row.started_us, now)}  {seconds // 60:>4}:{seconds % 60:02} "
                       f"{' '.join(row.argv)}\n")
        return 0
    if "f" in text:
        call.write("UID          PID    PPID  C STIME TTY          TIME CMD\n")
        for row in rows:
            seconds = _cpu_time(row, now)
            call.write(f"{row.user:<9}{row.pid:>7} {row.parent:>7} {round(row.percent):>2} {_when(row.started_us, now)} "
                       f"{'pts/0' if row in own else '?':<8} {seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02} "
                       f"{' '.join(row.argv)}\n")
        return 0
    call.write("    PID TTY          TIME CMD\n")
    for row in rows if set(text) & set("eAxp") else own:
        seconds = _cpu_time(row, now)
        call.write(f"{row.pid:>7} {'pts/0' if row in own else '?':<8} {seconds // 3600:02}:{seconds % 3600 // 60:02}:"
                   f"{seconds % 60:02} {row.program[:15] if row.argv != ('-bash',) else 'bash'}\n")
    return 0


def pgrep(call: Call) -> int:
    """Find processes by name (-f: by command line, -a, -l: with it)."""
    letters = "".join(word[1:] for word in call.argv if word.startswith("-"))
    names = [word for word in call.argv if not word.startswith("-")]
    if set(letters) - set("falx") or len(names) != 1:
        return call.refuse(f"pgrep {' '.join(call.argv)}")
    found = [row for row in running(call.host) if (
        names[0] in " ".join(row.argv) if "f" in letters else row.program == names[0] if "x" in letters
        else names[0] in row.program[:15])]
    for row in found:
        tail = f" {' '.join(row.argv)}" if "a" in letters else f" {row.program[:15]}" if "l" in letters else ""
        call.write(f"{row.pid}{tail}\n")
    return 0 if found else 1


def pidof(call: Call) -> int:
    """Find the processes of a program."""
    found = [str(row.pid) for row in running(call.host) if row.program in call.argv]
    if found:
        call.write(" ".join(reversed(found)) + "\n")
    return 0 if found else 1


class Port(NamedTuple):
    """A listening socket."""

    address: str
    port: int
    program: str
    pid: int


def listening(host: Host) -> list[Port]:
    """List the ports that are open, by number."""
    rows = {row.program: row for row in running(host)}
    found: dict[tuple[str, int], Port] = {("0.0.0.0", 22): Port("0.0.0.0", 22, "sshd", rows["sshd"].pid if "sshd" in rows else 0)}
    for (name, port) in host.network.listeners:
        if name == host.name:
            program = {2379: "etcd", 6443: "kube-apiserver", 10250: "kubelet"}.get(port, "")
            owner = rows.get(program)
            if owner is None:
                continue
            where = (host.address, "127.0.0.1") if program == "etcd" else ("*",)
            for address in where:
                found[address, port] = Port(address, port, program, owner.pid)
    for program, ports in LOCAL_PORTS.items():
        for port in ports if program in rows else ():
            found["127.0.0.1", port] = Port("127.0.0.1", port, program, rows[program].pid)
    if "etcd" in rows:
        found[host.address, PEER_PORT] = Port(host.address, PEER_PORT, "etcd", rows["etcd"].pid)
    if "kube-proxy" in rows:
        found["*", 10256] = Port("*", 10256, "kube-proxy", rows["kube-proxy"].pid)
    return sorted(found.values(), key=lambda row: (row.address == "*", row.port, row.address))


def ss(call: Call) -> int:
    """List listening sockets: -l -n -t -u -p."""
    letters = "".join(word.lstrip("-") for word in call.argv if word.startswith("-"))
    if set(letters) - set("lntupa4H") or "l" not in letters or [w for w in call.argv if not w.startswith("-")]:
        return call.refuse(f"ss {' '.join(call.argv)}")
    both = "u" in letters and "t" in letters
    head = ("Netid " if both else "") + "State  Recv-Q Send-Q Local Address:Port  Peer Address:PortProcess"
    call.write(head.rstrip() + "\n")
    for row in listening(call.host) if "t" in letters or "u" not in letters else []:
        local = f"{row.address}:{row.port if 'n' in letters or row.port != 22 else 'ssh'}"
        who = f'users:(("{row.program[:15]}",pid={row.pid},fd=3))' if "p" in letters and call.login.uid == 0 else ""
        peer = "*:*" if row.address == "*" else "0.0.0.0:*"
        call.write((f"{'tcp':<6}" if both else "") + f"{'LISTEN':<7}{0:<7}{4096 if row.port != 22 else 128:<7}{local:>18}  "
                   f"{peer:>17}{who}".rstrip() + "\n")
    return 0


def netstat(call: Call) -> int:
    """List listening sockets as net-tools does."""
    letters = "".join(word.lstrip("-") for word in call.argv if word.startswith("-"))
    if set(letters) - set("lntupaW") or not set(letters) & set("la") or [w for w in call.argv if not w.startswith("-")]:
        return call.refuse(f"netstat {' '.join(call.argv)}")
    shown = "only servers" if "l" in letters else "servers and established"
    owner = "    PID/Program name" if "p" in letters else ""
    call.write(f"Active Internet connections ({shown})\n"
               f"Proto Recv-Q Send-Q Local Address           Foreign Address         State  {owner}\n")
    for row in listening(call.host) if "t" in letters or "u" not in letters else []:
        every = row.address == "*"
        local = f":::{row.port}" if every else f"{row.address}:{row.port}"
        who = f"{row.pid}/{row.program}"[:19] if call.login.uid == 0 else "-"
        line = f"{'tcp6' if every else 'tcp':<5} {0:>6} {0:>6} {local:<23} {':::*' if every else '0.0.0.0:*':<23} LISTEN      "
        call.write(line + (f"{who:<20}" if owner else "") + "\n")
    return 0


COMMANDS.update({"ps": ps, "pgrep": pgrep, "pidof": pidof, "ss": ss, "netstat": netstat})

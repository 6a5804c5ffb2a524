"""lsmod, modprobe, sysctl, dmesg, mount, lsblk, lscpu: the kernel as far as its settings and tables are read.

Models: kmod, procps, util-linux. Modules and settings live in the host's files (/proc/modules, /proc/sys), so that `cat` shows the
same; /etc/modules-load.d and /etc/sysctl.d are read at `sysctl --system` and not at boot.
"""

from __future__ import annotations

from sim.engine import SECOND_US
from sim.host.files import FileError
from sim.host.machine import Host
from sim.shell.pipes import COMMANDS, Call

MODULES: dict[str, tuple[int, tuple[str, ...]]] = {
    "br_netfilter": (32768, ("bridge",)), "bridge": (311296, ("stp", "llc")), "stp": (16384, ()), "llc": (16384, ("bridge", "stp")),
    "overlay": (151552, ()), "vxlan": (90112, ("ip6_udp_tunnel", "udp_tunnel")), "ip6_udp_tunnel": (16384, ()), "udp_tunnel": (20480, ()),
    "nf_conntrack": (172032, ("nf_defrag_ipv4",)), "nf_defrag_ipv4": (16384, ()), "xt_conntrack": (16384, ("nf_conntrack",)),
    "ip_vs": (176128, ("nf_conntrack",)), "ip_vs_rr": (16384, ("ip_vs",)), "ip_vs_wrr": (16384, ("ip_vs",)), "ip_vs_sh": (16384, ("ip_vs",)),
    "iptable_nat": (16384, ()), "iptable_filter": (16384, ()), "nf_nat": (49152, ("nf_conntrack",)), "dm_crypt": (57344, ()),
    "wireguard": (94208, ()), "nbd": (53248, ()), "rbd": (118784, ()), "dummy": (16384, ()), "ipip": (20480, ()), "8021q": (40960, ())}
"""The modules that documents load: size in bytes, and which others each needs."""
LOADED = ("overlay", "br_netfilter", "xt_conntrack", "vxlan")
"""What a machine that was made ready for Kubernetes has loaded."""
SYSCTL_FOLDERS = ("/run/sysctl.d", "/etc/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
SETTINGS = {"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1", "net.bridge.bridge-nf-call-ip6tables": "1",
            "net.ipv4.conf.all.rp_filter": "2", "net.core.somaxconn": "4096", "vm.swappiness": "60", "vm.max_map_count": "65530",
            "vm.overcommit_memory": "1", "kernel.panic": "10", "kernel.panic_on_oops": "1", "fs.file-max": "9223372036854775807",
            "fs.inotify.max_user_watches": "29432", "fs.inotify.max_user_instances": "128", "kernel.pid_max": "4194304",
            "net.netfilter.nf_conntrack_max": "131072", "net.ipv6.conf.all.forwarding": "0", "net.ipv4.tcp_keepalive_time": "7200"}


def loaded(host: Host) -> list[str]:
    """Give the loaded modules, the latest first, with those they need."""
    asked: list[str] = host.disks.setdefault("modules", list(LOADED))
    found: list[str] = []
    for name in reversed(asked):
        found += [each for each in (name, *_needs(name)) if each not in found]
    return found


def _needs(name: str) -> list[str]:
    seen: list[str] = []
    left = list(MODULES.get(name, (0, ()))[1])
    while left:
        each = left.pop(0)
        if each not in seen and each != name:
            seen.append(each)
            left += MODULES[each][1]
    return seen


def lsmod(call: Call) -> int:
    """List the loaded modules."""
    if call.argv:
        call.write("Usage: lsmod\n", "stderr")
        return 1
    rows = loaded(call.host)
    call.write(f"{'Module':<23} Size  Used by\n")
    for name in rows:
        users = [each for each in rows if name in MODULES.get(each, (0, ()))[1]]
        call.write(f"{name:<19} {MODULES.get(name, (16384, ()))[0]:8}  {len(users)} {','.join(users)}".rstrip(" ") + "\n")
    return 0


def modprobe(call: Call) -> int:
    """Load modules (-a, -v), or unload one (-r)."""
    flags = {word for word in call.argv if word.startswith("-")}
    names = [word.replace("-", "_") for word in call.argv if not word.startswith("-") and "=" not in word]
    if odd := flags - {"-a", "--all", "-v", "--verbose", "-r", "--remove", "-q", "--quiet", "-n", "--dry-run", "--first-time"}:
        return call.refuse(f"modprobe {min(odd)}")
    if not names:
        return call.fail("ERROR: missing parameters. See -h.")
    names = names if flags & {"-a", "--all"} else names[:1]
    loaded(call.host)
    asked: list[str] = call.host.disks["modules"]
    for name in names:
        if name not in MODULES:
            if not flags & {"-q", "--quiet"}:
                call.write(f"modprobe: FATAL: Module {name} not found in directory /lib/modules/{call.host.os.kernel}\n", "stderr")
            return 1
        if call.login.uid != 0:
            return call.fail(f"ERROR: could not insert '{name}': Operation not permitted")
        if flags & {"-n", "--dry-run"}:
            continue
        if flags & {"-r", "--remove"}:
            users = [each for each in loaded(call.host) if name in MODULES[each][1]]
            if users:
                return call.fail(f"FATAL: Module {name} is in use.")
            asked[:] = [each for each in asked if each != name]
        elif name not in asked:
            asked.append(name)
    return 0


# ---- settings ------------------------------------------------------------------------------------------------------
def _place(name: str) -> str:
    return "/proc/sys/" + (name if "/" in name else name.replace(".", "/"))


def settings(host: Host) -> None:
    """Put the settings into /proc/sys, where they are not there yet."""
    view = host.files.view()
    for name, value in SETTINGS.items():
        if not view.exists(_place(name)):
            host.files.install(_place(name), f"{value}\n".encode(), mode=0o644)


def sysctl(call: Call) -> int:
    """Read and set kernel settings (-w -p -a -n -e -q, --system)."""
    settings(call.host)
    flags = {word for word in call.argv if word.startswith("-")}
    words = [word for word in call.argv if not word.startswith("-")]
    if odd := flags - {"-w", "-p", "-a", "-n", "-e", "-q", "--system", "--load", "-N", "--write", "--all", "--values", "--quiet", "--ignore"}:
        return call.refuse(f"sysctl {min(odd)}")
    if flags & {"-a", "--all"}:
        for path in _all(call.host, "/proc/sys"):
            _shown(call, path[len("/proc/sys/"):].replace("/", "."), flags)
        return 0
    if "--system" in flags:
        return _system(call, flags)
    if flags & {"-p", "--load"}:
        return max((_loaded(call, name, flags) for name in words or ["/etc/sysctl.conf"]), default=0)
    if not words:
        call.write("\nUsage:\n sysctl [options] [variable[=value] ...]\n", "stderr")
        return 1
    status = 0
    for word in words:
        name, equals, value = word.partition("=")
        done = _set(call, name.strip(), value.strip(), flags) if equals else _shown(call, name, flags)
        status = max(status, done)
    return status


def _all(host: Host, folder: str) -> list[str]:
    found = []
    view = host.files.view()
    for name, node in view.entries(folder):
        path = f"{folder}/{name}"
        found += _all(host, path) if view.is_dir(path) else [path]
        assert node is not None
    return found


def _shown(call: Call, name: str, flags: set[str]) -> int:
    try:
        value = call.host.files.view().read(_place(name)).decode().strip()
    except FileError:
        if not flags & {"-e", "--ignore"}:
            call.write(f"sysctl: cannot stat {_place(name)}: No such file or directory\n", "stderr")
        return 0 if flags & {"-e", "--ignore"} else 255
    call.write(f"{value}\n" if flags & {"-n", "--values"} else f"{name}\n" if "-N" in flags else f"{name.replace('/', '.')} = {value}\n")
    return 0


def _set(call: Call, name: str, value: str, flags: set[str]) -> int:
    name = name.removeprefix("-")
    view = call.host.files.view()
    if not view.exists(_place(name)):
        call.write(f"sysctl: cannot stat {_place(name)}: No such file or directory\n", "stderr")
        return 0 if flags & {"-e", "--ignore"} else 255
    if call.login.uid != 0:
        call.write(f'sysctl: permission denied on key "{name}"\n', "stderr")
        return 255
    view.write(_place(name), f"{value}\n".encode())
    if not flags & {"-q", "--quiet"}:
        call.write(f"{value}\n" if flags & {"-n", "--values"} else f"{name} = {value}\n")
    return 0


def _loaded(call: Call, name: str, flags: set[str]) -> int:
    """Read settings from a file."""
    try:
        text = call.files.read(call.path(name)).decode(errors="replace")
    except FileError as error:
        call.write(f'sysctl: cannot open "{name}": {error}\n', "stderr")
        return 255
    status = 0
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith(("#", ";")):
            status = max(status, _set(call, key.strip(), value.strip(), flags))
    return status


def _system(call: Call, flags: set[str]) -> int:
    names: dict[str, str] = {}
    for folder in SYSCTL_FOLDERS:
        if call.files.is_dir(folder):
            for name in call.files.list(folder):
                if name.endswith(".conf"):
                    names.setdefault(name, f"{folder}/{name}")
    paths = [names[name] for name in sorted(names)] + (["/etc/sysctl.conf"] if call.files.exists("/etc/sysctl.conf") else [])
    for path in paths:
        call.write(f"* Applying {path} ...\n")
        _loaded(call, path, flags)
    return 0


# ---- tables --------------------------------------------------------------------------------------------------------
def dmesg(call: Call) -> int:
    """Print the kernel's log: how the machine started, and what the kernel said since (-T -l LEVELS)."""
    words, levels = list(call.argv), ""
    for at, word in enumerate(call.argv):
        if word in ("-l", "--level") and at + 1 < len(call.argv):
            levels, words = call.argv[at + 1], [*call.argv[:at], *call.argv[at + 2:]]
        elif word.startswith("--level="):
            levels, words = word.partition("=")[2], [each for each in call.argv if each != word]
    odd = [word for word in words if word not in ("-T", "--ctime", "-H", "--human", "--nopager", "-P", "-x", "--decode", "--color=never")]
    if odd:
        return call.refuse(f"dmesg {odd[0]}")
    if call.login.uid != 0:
        return call.fail("read kernel buffer failed: Operation not permitted")
    host = call.host
    boot = [(0, f"Linux version {host.os.kernel} (buildd@lcy02-amd64-007) {host.os.build}"),
            (0, f"Command line: BOOT_IMAGE=/boot/vmlinuz-{host.os.kernel} root=/dev/sda1 ro console=tty1 console=ttyS0"),
            (0, "Hypervisor detected: KVM"), (56_000, f"Memory: {host.memory_bytes >> 10}K available"),
            (310_000, f"smp: Brought up 1 node, {host.cpu} CPU{'s' if host.cpu > 1 else ''}"),
            (1_420_000, "EXT4-fs (vda1): mounted filesystem with ordered data mode. Opts: (null)"),
            (2_100_000, "systemd[1]: Detected virtualization kvm."), (2_100_500, f"systemd[1]: Hostname set to <{host.name}>.")]
    rows = boot + [(each.at_us - host.booted_us, each.text) for each in host.journal.entries
                   if each.identifier == "kernel" and each.boot == host.boots]
    if levels and not {"info", "notice"} & set(levels.split(",")):
        return 0  # a machine that is well has nothing graver to say; what grave things are modelled are in the journal
    for at_us, text in rows:
        if {"-T", "--ctime"} & set(call.argv):
            from sim.shell.system.machine.small import moment

            call.write(f"[{moment(host.booted_us + at_us):%a %b %e %H:%M:%S %Y}] {text}\n")
        else:
            call.write(f"[{at_us // SECOND_US:5}.{at_us % SECOND_US:06}] {text}\n")
    return 0


def mount(call: Call) -> int:
    """List what is mounted; mounting is not modelled."""
    words = list(call.argv)
    kind = words[words.index("-t") + 1] if "-t" in words[:-1] else ""
    if words and not (kind and len(words) == 2) and words != ["-l"]:
        return call.refuse(f"mount {' '.join(words)}")
    host = call.host
    memory = host.memory_bytes >> 10
    rows = [("sysfs", "/sys", "sysfs", "rw,nosuid,nodev,noexec,relatime"), ("proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime"),
            ("udev", "/dev", "devtmpfs", f"rw,nosuid,relatime,size={memory // 2}k,mode=755,inode64"),
            ("tmpfs", "/run", "tmpfs", f"rw,nosuid,nodev,noexec,relatime,size={memory // 10}k,mode=755,inode64"),
            ("/dev/vda1", "/", "ext4", "rw,relatime,discard,errors=remount-ro"), ("tmpfs", "/dev/shm", "tmpfs", "rw,nosuid,nodev,inode64"),
            ("cgroup2", "/sys/fs/cgroup", "cgroup2", "rw,nosuid,nodev,noexec,relatime")]
    folder, shared = "/run/containerd/io.containerd.grpc.v1.cri/sandboxes", "rw,nosuid,nodev,noexec,relatime,size=65536k,inode64"
    rows += [("shm", f"{folder}/{sandbox.id}/shm", "tmpfs", shared)
             for sandbox in host.runtime.sandboxes.values()]
    for device, place, type_, options in rows:
        if not kind or type_ == kind:
            call.write(f"{device} on {place} type {type_} ({options})\n")
    return 0


def lsblk(call: Call) -> int:
    """List the disks."""
    if [word for word in call.argv if word not in ("-f", "-a", "-l")] or "-f" in call.argv:
        return call.refuse(f"lsblk {' '.join(call.argv)}")
    size = f"{call.host.disk_bytes / (1 << 30):.1f}G"
    call.write(f"NAME   MAJ:MIN RM  SIZE RO TYPE MOUNTPOINTS\nvda    252:0    0 {size:>5} 0 disk \n└─vda1 252:1    0 {size:>5} 0 part /\n")
    return 0


def lscpu(call: Call) -> int:
    """Describe the processors, as far as a machine is more than its number of them."""
    if call.argv:
        return call.refuse(f"lscpu {' '.join(call.argv)}")
    count = call.host.cpu
    rows = (("Architecture", "x86_64"), ("CPU op-mode(s)", "32-bit, 64-bit"), ("Byte Order", "Little Endian"), ("CPU(s)", str(count)),
            ("On-line CPU(s) list", f"0-{count - 1}" if count > 1 else "0"), ("Hypervisor vendor", "KVM"), ("Virtualization type", "full"))
    call.write("".join(f"{name + ':':<33}{value}\n" for name, value in rows))
    return 0


COMMANDS.update({"lsmod": lsmod, "modprobe": modprobe, "sysctl": sysctl, "dmesg": dmesg, "mount": mount, "lsblk": lsblk, "lscpu": lscpu})

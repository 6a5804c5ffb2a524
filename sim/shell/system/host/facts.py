"""uname, lsb_release, nproc, free, df, ip, swapoff, swapon: what a host is, from its state only.

Models: coreutils, procps, iproute2, as far as labs type them.
"""

from __future__ import annotations

from sim.host.kubelet.eviction import SYSTEM_MIB
from sim.host.machine import Host
from sim.shell.pipes import COMMANDS, Call

UNAME = {"s": "Linux", "m": "x86_64", "p": "x86_64", "i": "x86_64", "o": "GNU/Linux"}
ORDER = "snrvmpio"
LONG = {"all": "a", "kernel-name": "s", "nodename": "n", "kernel-release": "r", "kernel-version": "v", "machine": "m",
        "processor": "p", "hardware-platform": "i", "operating-system": "o"}


def uname(call: Call) -> int:
    """Name the kernel and machine."""
    letters = ""
    for word in call.argv:
        if word.startswith("--") and word[2:] in LONG:
            letters += LONG[word[2:]]
        elif word.startswith("-") and not word.startswith("--"):
            letters += word[1:]
        else:
            call.write(f"uname: extra operand ‘{word}’\nTry 'uname --help' for more information.\n", "stderr")
            return 1
    bad = next((letter for letter in letters if letter not in f"a{ORDER}"), "")
    if bad:
        call.write(f"uname: invalid option -- '{bad}'\nTry 'uname --help' for more information.\n", "stderr")
        return 1
    wanted = ORDER if "a" in letters else [letter for letter in ORDER if letter in (letters or "s")]
    build = call.host.os.build
    known = {**UNAME, "n": call.host.disks.get("hostname", call.host.name), "r": call.host.os.kernel, "v": build}
    call.write(" ".join(known[letter] for letter in wanted) + "\n")
    return 0


def addresses(host: Host) -> list[str]:
    """Give the host's addresses: its own, and those of the pod network's devices once flannel runs."""
    found = [host.address]
    if host.files.view().exists("/run/flannel/subnet.env"):
        base = host.facts.pod_cidr.rsplit(".", 1)[0]
        found += [f"{base}.0"]
        if any(not s.host_network for s in host.runtime.sandboxes.values()):
            found += [f"{base}.1"]
    return found


def lsb_release(call: Call) -> int:
    """Name the distribution (-a -i -d -r -c -s)."""
    long = {"--all": "a", "--id": "i", "--description": "d", "--release": "r", "--codename": "c", "--short": "s"}
    letters = "".join(long.get(word, word.lstrip("-") if word.startswith("-") and not word.startswith("--") else "?")
                      for word in call.argv)
    if set(letters) - set("aidrcsv"):
        return call.refuse(f"lsb_release {' '.join(call.argv)}")
    host = call.host.os
    if not set(letters) & set("aidrc"):
        call.write("No LSB modules are available.\n", "stderr")
        return 0
    if "a" in letters:
        call.write("No LSB modules are available.\n", "stderr")
    rows = (("i", "Distributor ID", host.name), ("d", "Description", host.pretty), ("r", "Release", host.version),
            ("c", "Codename", host.codename))
    wanted = [(title, value) for letter, title, value in rows if letter in letters or "a" in letters]
    if "s" in letters:
        call.write("\n".join(f'"{value}"' if " " in value else value for _, value in wanted) + "\n")
    else:
        call.write("".join(f"{title}:\t{value}\n" for title, value in wanted))
    return 0


def nproc(call: Call) -> int:
    """Print the number of cores."""
    if [word for word in call.argv if word != "--all"]:
        return call.refuse(f"nproc {' '.join(call.argv)}")
    call.write(f"{call.host.cpu}\n")
    return 0


def used_mib(host: Host) -> int:
    """Give the memory in use, in MiB: the system's, and what each container's image says."""
    mib = float(SYSTEM_MIB)
    for sandbox in host.runtime.sandboxes.values():
        for container in sandbox.all():
            if container.running:
                mib += 120 if container.service is not None else container.kind.memory_mib
    return round(mib)


def human(kib: int) -> str:
    """Write KiB as `free -h` does: 3.8Gi, 512Mi."""
    amount, unit = float(kib), "Ki"
    for bigger in ("Mi", "Gi", "Ti"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, bigger
    return f"{amount:.1f}{unit}" if amount < 10 else f"{amount:.0f}{unit}"


def free(call: Call) -> int:
    """Print memory and swap."""
    letters = "".join(word[1:] for word in call.argv if word.startswith("-") and not word.startswith("--"))
    if set(letters) - set("hmkgbwt") or [word for word in call.argv if not word.startswith("-") or word.startswith("--")]:
        return call.refuse(f"free {' '.join(call.argv)}")
    host = call.host
    total = host.memory_bytes >> 10
    used = min(used_mib(host) << 10, total)
    cache = min((total - used) * 55 // 100, 1_600_000)
    rows = (total, used, total - used - cache, 1_240, cache, total - used - total // 50)
    size = {"m": 1 << 10, "g": 1 << 20, "b": 0}
    unit = next((letter for letter in letters if letter in "hmgb"), "")

    def shown(kib: int) -> str:
        return human(kib) if unit == "h" else str(kib << 10) if unit == "b" else str(kib // size.get(unit, 1))

    head = "               total        used        free      shared  buff/cache   available\n"
    call.write(head + "Mem:    " + "".join(f"{shown(kib):>12}" for kib in rows) + "\n"
               + "Swap:   " + "".join(f"{'0B' if unit == 'h' else '0':>12}" for _ in range(3)) + "\n")
    return 0


def df(call: Call) -> int:
    """Print the file systems."""
    letters = "".join(word[1:] for word in call.argv if word.startswith("-"))
    if set(letters) - set("hTk"):
        return call.refuse(f"df {' '.join(call.argv)}")
    host = call.host
    total = host.disk_bytes >> 10
    images = round(sum(host.runtime.images.values()) * 1024 * 2.4)
    used = total if "full-disk" in host.faults else min(4_600_000 + images, total)
    if "disk-pressure" in host.faults:
        used = total * 97 // 100
    memory = host.memory_bytes >> 10
    rows = [("tmpfs", "tmpfs", memory // 10, 1_300, "/run"), ("/dev/vda1", "ext4", total, used, "/"),
            ("tmpfs", "tmpfs", memory // 2, 0, "/dev/shm"), ("tmpfs", "tmpfs", 5_120, 0, "/run/lock")]
    wanted = [word for word in call.argv if not word.startswith("-")]
    if wanted:
        rows = [row for row in rows if row[4] == "/"]
    table = [["Filesystem", *(["Type"] if "T" in letters else []), "Size" if "h" in letters else "1K-blocks", "Used",
              "Avail" if "h" in letters else "Available", "Use%", "Mounted on"]]
    for name, kind, size, taken, where in rows:
        percent = f"{-(-taken * 100 // size)}%" if taken else "0%"
        numbers = [_short(kib) if "h" in letters else str(kib) for kib in (size, taken, size - taken)]
        table.append([name, *([kind] if "T" in letters else []), *numbers, percent, where])
    left = 2 if "T" in letters else 1
    widths = [max(len(row[at]) for row in table) for at in range(len(table[0]))]
    widths[0] = max(widths[0], 14)
    for row in table:
        cells = [text.ljust(widths[at]) if at < left else text.rjust(widths[at]) for at, text in enumerate(row[:-1])]
        call.write(" ".join(cells) + f" {row[-1]}\n")
    return 0


def _short(kib: int) -> str:
    if kib == 0:
        return "0"
    amount, unit = float(kib), "K"
    for bigger in ("M", "G", "T"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, bigger
    rounded = -(-amount * 10 // 1) / 10
    return f"{rounded:.1f}{unit}" if rounded < 10 else f"{-(-amount // 1):.0f}{unit}"


def ip(call: Call) -> int:
    """Print links, addresses and routes."""
    words = [word for word in call.argv if word not in ("-4", "-c", "-color")]
    brief = "-br" in words or "-brief" in words
    words = [word for word in words if not word.startswith("-")]
    what = words[0] if words else ""
    host = call.host
    if not what or [word for word in words[1:] if word in ("add", "del", "set", "flush")]:
        return call.refuse(f"ip {' '.join(call.argv)}")
    if "route".startswith(what) and what:
        return _routes(call)
    if not ("address".startswith(what) or "link".startswith(what)):
        return call.refuse(f"ip {' '.join(call.argv)}")
    name = next((word for word in words[1:] if word not in ("show", "list", "ls", "dev")), "")
    devices = _devices(host)
    if name and name not in [device[0] for device in devices]:
        call.write(f'Device "{name}" does not exist.\n', "stderr")
        return 1
    for number, (device, flags, mtu, mac, address) in enumerate(devices, 1):
        if name and name != device:
            continue
        if brief:
            state = "UNKNOWN" if device in ("lo", "flannel.1") else "UP"
            shown = address.partition(" ")[0] if "address".startswith(what) else f"{mac} <{flags}>"
            call.write(f"{device:<16} {state:<14} {shown} \n")
            continue
        kind, broadcast = ("loopback", "00:00:00:00:00:00") if device == "lo" else ("ether", "ff:ff:ff:ff:ff:ff")
        state = "UNKNOWN" if device in ("lo", "flannel.1") else "UP"
        call.write(f"{number}: {device}: <{flags}> mtu {mtu} qdisc noqueue state {state} group default qlen 1000\n"
                   f"    link/{kind} {mac} brd {broadcast}\n")
        if "address".startswith(what):
            scope = "host" if device == "lo" else "global"
            call.write(f"    inet {address} scope {scope} {device}\n       valid_lft forever preferred_lft forever\n")
    return 0


def _devices(host: Host) -> list[tuple[str, str, int, str, str]]:
    mac = ":".join(host.machine_id[at:at + 2] for at in range(2, 12, 2))
    found = [("lo", "LOOPBACK,UP,LOWER_UP", 65536, "00:00:00:00:00:00", "127.0.0.1/8"),
             ("enp1s0", "BROADCAST,MULTICAST,UP,LOWER_UP", 1500, f"52:{mac}", f"{host.address}/24 brd "
              f"{host.address.rsplit('.', 1)[0]}.255")]
    own = addresses(host)
    if len(own) > 1:
        found.append(("flannel.1", "BROADCAST,MULTICAST,UP,LOWER_UP", 1450, f"7a:{mac}", f"{own[1]}/32"))
    if len(own) > 2:
        found.append(("cni0", "BROADCAST,MULTICAST,UP,LOWER_UP", 1450, f"92:{mac}", f"{own[2]}/24 brd "
                      f"{own[2].rsplit('.', 1)[0]}.255"))
    return found


def _routes(call: Call) -> int:
    host = call.host
    base = host.address.rsplit(".", 1)[0]
    call.write(f"default via {base}.1 dev enp1s0 proto static\n")
    own = addresses(host)
    if len(own) > 1:
        for other in host.network.hosts.values():
            cidr = other.facts.pod_cidr
            if other is host and len(own) > 2:
                call.write(f"{cidr} dev cni0 proto kernel scope link src {own[2]}\n")
            elif other is not host and other.files.view().exists("/run/flannel/subnet.env"):
                call.write(f"{cidr} via {cidr.partition('/')[0]} dev flannel.1 onlink\n")
    call.write(f"{base}.0/24 dev enp1s0 proto kernel scope link src {host.address}\n")
    return 0


def swapoff(call: Call) -> int:
    """Switch swap off: these hosts have none."""
    if call.login.uid != 0:
        call.write("swapoff: Not superuser.\n", "stderr")
        return 1
    return 0 if call.argv in (["-a"], ["--all"]) else call.refuse(f"swapoff {' '.join(call.argv)}")


def swapon(call: Call) -> int:
    """List swap: these hosts have none, so nothing is printed."""
    return 0 if call.argv in ([], ["-s"], ["--show"], ["--summary"]) else call.refuse(f"swapon {' '.join(call.argv)}")


COMMANDS.update({"uname": uname, "lsb_release": lsb_release, "nproc": nproc, "free": free, "df": df,
                 "ip": ip, "swapoff": swapoff, "swapon": swapon})

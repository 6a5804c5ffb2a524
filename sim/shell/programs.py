"""Which programs a host has: a file stands for each, so that `rm`, `chmod`, `mv` and $PATH act for the true reason.

A simulated program is a file that begins with `#!simulated NAME`; its other words (a version) are the program's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.host.files import FileError
from sim.shell.pipes import COMMANDS

if TYPE_CHECKING:
    from sim.host.machine import Host

MARK = b"#!simulated "
EMPTY_SCRIPT = b"#!/bin/bash"
SBIN = frozenset("""
    addgroup adduser blkid chroot ethtool fdisk groupadd halt ip iptables iptables-restore iptables-save ipvsadm
    ldconfig lsmod mkfs mkswap modprobe nft poweroff reboot shutdown swapoff swapon sysctl ufw useradd userdel usermod visudo
""".split())
BASE = ("""
    [ add-apt-repository addgroup adduser apt apt-cache apt-get apt-key apt-mark arch awk base32 base64 basename bash bc
    blkid bunzip2 bzcat bzip2 cat chattr chgrp chmod chown cksum clear cmp column comm cp crontab curl cut dash date
    dd df diff dig dir dirname dmesg dpkg dpkg-deb dpkg-query dpkg-reconfigure du echo egrep env envsubst ethtool
    expand expr factor false fdisk fgrep file find fmt fold free getconf getent git gpg gpgv grep groupadd groups
    gunzip gzip head hexdump hostname hostnamectl htop id install ip iptables iptables-restore iptables-save join
    journalctl jq kill killall last ldconfig less ln loginctl logname ls lsattr lsb_release lsblk lscpu lsmod lsof man
    mawk md5sum mkdir mkfifo mkswap mktemp modprobe more mount mountpoint mv nano nc netstat networkctl nft nice nl
    nohup nproc nslookup numfmt od openssl passwd paste perl pgrep ping pkill poweroff printenv printf ps pwd python3
    readlink realpath reboot reset resolvectl rev rm rmdir rsync scp sed seq service setsid sh sha1sum sha224sum
    sha256sum sha384sum sha512sum shuf shutdown sleep snap sort split ss ssh ssh-copy-id ssh-keygen stat stdbuf strace
    strings stty su sudo sum swapoff swapon sync sysctl systemctl systemd-analyze tac tail tar tcpdump tee telnet test
    timedatectl timeout tmux top touch tput tr tree true truncate tsort tty ufw umount uname unexpand uniq unlink
    uptime useradd userdel usermod uuidgen vi view vim visudo vmstat w watch wc wget whereis which who whoami xargs xxd yes yq zcat
""".split())
"""What a freshly installed Ubuntu server has, as far as labs type it. Packages bring the rest."""
PSEUDO_FILES = {
    "/proc/version": "Linux version {kernel} (buildd@lcy02-amd64-007) (gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0, "
                     "GNU ld (GNU Binutils for Ubuntu) 2.38) #115-Ubuntu SMP Mon Apr 15 09:52:04 UTC 2024\n",
    "/proc/cmdline": "BOOT_IMAGE=/boot/vmlinuz-{kernel} root=/dev/sda1 ro console=tty1 console=ttyS0\n",
    "/proc/swaps": "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
    "/proc/sys/net/ipv4/ip_forward": "1\n",
    "/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
    "/proc/sys/kernel/hostname": "{host}\n",
    "/proc/sys/kernel/osrelease": "{kernel}\n",
    "/root/.bashrc": "# ~/.bashrc: executed by bash(1) for non-login shells.\n",
    "/root/.profile": "# ~/.profile: executed by Bourne-compatible login shells.\n",
    "/etc/bash.bashrc": "# System-wide .bashrc file for interactive bash(1) shells.\n",
    "/etc/profile": "# /etc/profile: system-wide .profile file for the Bourne shell (sh(1))\n",
    "/etc/shells": "/bin/sh\n/bin/bash\n/usr/bin/bash\n/bin/dash\n/usr/bin/dash\n",
    "/etc/resolv.conf": "nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n",
    "/etc/bash_completion.d/README": "# Completions of single programs; bash_completion reads them.\n",
    "/usr/share/bash-completion/bash_completion": "# bash_completion - programmable completion functions for bash 4.2+\n",
    "/etc/modules": "# /etc/modules: kernel modules to load at boot time.\n",
    "/etc/modules-load.d/modules.conf": "# /etc/modules: kernel modules to load at boot time.\n",
    "/etc/sysctl.conf": "# /etc/sysctl.conf - Configuration file for setting system variables\n",
    "/etc/sysctl.d/10-magic-sysrq.conf": "kernel.sysrq = 176\n",
    "/proc/sys/kernel/sysrq": "176\n",
    "/etc/fstab": "/dev/sda1\t/\text4\tdefaults\t0 1\n",
}
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")


def identify(name: str, data: bytes) -> str:
    """Tell which simulated program a file is, "" when it is something else."""
    if data.startswith(MARK):
        return data[len(MARK):].split(None, 1)[0].decode(errors="replace")
    return name if name in COMMANDS and data.strip() == EMPTY_SCRIPT else ""


def furnish(host: Host) -> None:
    """Put programs, devices and the files that every host has on a host, when somebody first logs in.

    Nothing that is there already is changed.
    """
    if host.disks.get("furnished"):
        return
    host.disks["furnished"] = True
    full, host.files.full = host.files.full, False  # all this was there before the disk ran full
    try:
        _furnish(host)
    finally:
        host.files.full = full


def _furnish(host: Host) -> None:
    view = host.files.view()
    for device in DEVICES:
        host.files.make_device(f"/dev/{device}")
    for name in BASE:
        path = f"/usr/{'sbin' if name in SBIN else 'bin'}/{name}"
        if not view.exists(path):
            host.files.install(path, MARK + name.encode() + b"\n")
    for path, text in PSEUDO_FILES.items():
        if not view.exists(path):
            host.files.install(path, text.replace("{host}", host.name).replace("{kernel}", host.os.kernel).encode(), mode=0o644)
    people = sorted(host.users.items(), key=lambda item: item[1])
    passwd = [f"{user}:x:{uid}:{uid}:{user}:{'/root' if uid == 0 else '/home/' + user}:/bin/bash" for user, uid in people]
    system = ["daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin", "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin"]
    groups = [f"{user}:x:{uid}:" for user, uid in people]
    for path, lines in (("/etc/passwd", [passwd[0], *system, *passwd[1:]]),
                        ("/etc/group", [groups[0], "daemon:x:1:", "sudo:x:27:", *groups[1:], "nogroup:x:65534:"])):
        try:
            view.find(path)
        except FileError:
            host.files.install(path, ("\n".join(lines) + "\n").encode(), mode=0o644)

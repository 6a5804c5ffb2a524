"""`-h` of etcd's tools. Models: pkg/cobrautl/help.go, text/tabwriter."""

from __future__ import annotations

from sim.shell.etcd.frame.commands import Command, Flag, Minor, Tree, known

TAB = 8
INDENT_SINCE = (3, 6)
EXAMPLES = {"snapshot": """
# Save snapshot to a given file
etcdctl snapshot save /backup/etcd-snapshot.db

# Get snapshot from given address and save it to file
etcdctl snapshot save --endpoints=127.0.0.1:3000 /backup/etcd-snapshot.db

# Get snapshot from given address with certificates
etcdctl --endpoints=https://127.0.0.1:2379 --cacert=/etc/etcd/ca.crt --cert=/etc/etcd/etcd.crt --key=/etc/etcd/etcd.key snapshot save /backup/etcd-snapshot.db

# Get snapshot wih certain user and password
etcdctl --user=root --password=password123 snapshot save /backup/etcd-snapshot.db

# Get snapshot from given address with timeout
etcdctl --endpoints=https://127.0.0.1:2379 --dial-timeout=20s snapshot save /backup/etcd-snapshot.db

# Save snapshot with desirable time format
etcdctl snapshot save /mnt/backup/etcd/backup_$(date +%Y%m%d_%H%M%S).db"""}
"""Since 3.6; golden etcd-backup-restore."""


def usage(tool: str, version: str, minor: Minor, commands: Tree, command: Command) -> str:
    """Write a command's help."""
    indent = "  " if minor >= INDENT_SINCE else "\t"
    api = f"{minor[0]}.{minor[1]}"
    name = command.path or tool
    use = " ".join(filter(None, (tool, command.use)))
    lines = ["NAME:", f"{indent}{name} - {command.short}", "", "USAGE:", f"{indent}{use}{_flags_word(command)}"]
    if not command.path:
        lines += ["", "VERSION:", f"{indent}{version}"]
    below = [each for each in _below(commands, command.path) if commands[each].runs]
    if command.children:
        lines += ["", "API VERSION:", f"{indent}{api}", ""]
        if command.path in EXAMPLES and tool == "etcdctl" and minor >= INDENT_SINCE:
            lines += ["Examples:", *(f"{indent}{line}" for line in EXAMPLES[command.path].strip().split("\n")), ""]
        elif minor < INDENT_SINCE:
            lines += [""]
        lines += ["COMMANDS:", *(f"{indent}{each.removeprefix(command.path).strip()}\t{commands[each].short}" for each in below)]
    if command.long:
        lines += ["", "DESCRIPTION:", *(f"{indent}{line}" for line in command.long)]
    own = sorted([*command.flags, known(commands, command.path)["help"]._replace(help=f"help for {name.rpartition(' ')[2]}")])
    lines += ["", "OPTIONS:", *map(_flag, own)]
    if command.path:
        mine = {flag.name for flag in own}
        lines += ["", "GLOBAL OPTIONS:", *(
            _flag(flag) for flag in sorted(known(commands, command.path).values()) if flag.name not in mine)]
    return aligned([*lines, ""])


def _flags_word(command: Command) -> str:
    return "" if command.use.endswith("[flags]") else " [flags]"


def _below(commands: Tree, path: str) -> list[str]:
    found = []
    for child in commands[path].children:
        found += [child, *_below(commands, child)]
    return found


def _flag(flag: Flag) -> str:
    start = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
    shown = f'"{flag.default}"' if flag.kind == "string" else f"[{flag.default}]" if flag.kind == "list" else flag.default
    return f"{start}[={shown}]\t{flag.help}" if flag.kind == "bool" else f"{start}={shown}\t{flag.help}"


def aligned(lines: list[str]) -> str:
    """Align cells that end in a tab with those above and below them, as tabwriter does with tabs of eight."""
    rows = [line.split("\t") for line in lines]
    out = [""] * len(rows)
    _column(rows, out, 0, len(rows), 0)
    return "\n".join(out) + "\n"


def _column(rows: list[list[str]], out: list[str], start: int, end: int, column: int) -> None:
    at = start
    while at < end:
        if column >= len(rows[at]) - 1:
            out[at] += rows[at][column] if column < len(rows[at]) else ""
            at += 1
            continue
        last = at
        while last < end and column < len(rows[last]) - 1:
            last += 1
        width = max(len(row[column]) for row in rows[at:last]) + 1
        width = -(-width // TAB) * TAB
        for each in range(at, last):
            cell = rows[each][column]
            out[each] += cell + "\t" * -(-(width - len(cell)) // TAB)
        _column(rows, out, at, last, column + 1)
        at = last

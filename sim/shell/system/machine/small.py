"""uuidgen, shuf, who, w, last, tput, stty, reset, ufw: small programs that ask the host, its clock or its chance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.options import BadUsage, complain, read

HEX = "0123456789abcdef"


def uuidgen(call: Call) -> int:
    """Make a random id."""
    if call.argv not in ([], ["-r"], ["--random"]):
        return call.refuse(f"uuidgen {' '.join(call.argv)}")
    text = call.engine.stream("shell.uuidgen").text(HEX, 30)
    call.write(f"{text[:8]}-{text[8:12]}-4{text[12:15]}-a{text[15:18]}-{text[18:30]}\n")
    return 0


def shuf(call: Call) -> Steps[int]:
    """Put lines into an order by chance (-n -e -i)."""
    try:
        given = read(call, "n:ei:rzo:", {"head-count": "n", "echo": "e", "input-range": "i"})
    except BadUsage as error:
        return complain(call, error)
    if odd := set(given.letters) & set("rzo"):
        return call.refuse(f"shuf -{min(odd)}")
    if "e" in given:
        lines = list(given.operands)
    elif "i" in given:
        first, _, last = given.get("i").partition("-")
        if not (first.isdigit() and last.isdigit()):
            return call.fail(f"invalid input range: ‘{given.get('i')}’")
        lines = [str(number) for number in range(int(first), min(int(last), int(first) + 100_000) + 1)]
    elif given.operands:
        try:
            lines = call.files.read(call.path(given.operands[0])).decode(errors="surrogateescape").splitlines()
        except FileError as error:
            return call.fail(f"{given.operands[0]}: {error}")
    else:
        lines = (yield from call.input()).decode(errors="surrogateescape").splitlines()
    stream = call.engine.stream("shell.shuf")
    for at in range(len(lines) - 1, 0, -1):
        other = stream.uniform(0, at)
        lines[at], lines[other] = lines[other], lines[at]
    count = int(given.get("n")) if given.get("n").isdigit() else len(lines)
    call.write("".join(f"{line}\n" for line in lines[:count]))
    return 0


def moment(unix_us: int) -> datetime:
    """Give a moment of the simulated clock."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=unix_us)


def who(call: Call) -> int:
    """List who is logged in: this terminal's user."""
    if call.argv and call.argv != ["am", "i"]:
        return call.refuse(f"who {' '.join(call.argv)}")
    call.write(f"{call.login.user:<8} pts/0        {moment(call.engine.unix_us):%Y-%m-%d %H:%M}\n")
    return 0


def tput(call: Call) -> int:
    """Say what the terminal can do (cols, lines); all else writes nothing, as on a dumb terminal."""
    if call.argv in (["cols"], ["lines"]):
        columns = call.login.terminal.columns or 80
        call.write(f"{columns if call.argv == ['cols'] else 24}\n")
    return 0


def quietly(call: Call) -> int:
    """Change only what the terminal looks like: nothing here."""
    return 0


def ufw(call: Call) -> int:
    """Say that the firewall is off, as on lab machines; rules and switching it on are not modelled."""
    if call.login.uid != 0:
        call.write("ERROR: You need to be root to run this script\n", "stderr")
        return 1
    if call.argv[:1] == ["status"]:
        call.write("Status: inactive\n")
        return 0
    if call.argv == ["disable"]:
        call.write("Firewall stopped and disabled on system startup\n")
        return 0
    return call.refuse(f"ufw {' '.join(call.argv)}")


COMMANDS.update({"uuidgen": uuidgen, "shuf": shuf, "who": who, "tput": tput, "reset": quietly, "stty": quietly, "ufw": ufw})

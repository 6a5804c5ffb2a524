"""Jobs of a login: jobs, wait, fg, kill, disown.

Models: bash's job control as far as `&` needs it. Ctrl-Z (stopped jobs) is not modelled, so bg refuses.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from sim.engine import Interrupt, Steps
from sim.shell.builtins.state import SIGNALS
from sim.shell.pipes import BUILTINS, COMMANDS, Call, Leave

if TYPE_CHECKING:
    from sim.shell.job import Job

ENDING = (1, 2, 3, 6, 9, 10, 12, 13, 14, 15)
"""The signals that end a program which does not care for them."""


def _named(call: Call, word: str) -> Job | None:
    """Find a job by %number, %%, %+ or process number."""
    known = call.shell.jobs
    if word in ("%%", "%+", "%", ""):
        return known[-1] if known else None
    number = word.removeprefix("%")
    if not number.isdigit():
        return None
    wanted = int(number)
    return next((job for job in known if (job.number if word.startswith("%") else job.pid) == wanted), None)


def jobs(call: Call) -> int:
    """List the jobs of this login."""
    for job in call.shell.jobs:
        call.write(f"{job.pid}\n" if "-p" in call.argv else job.row(call.shell.jobs, numbered="-l" in call.argv))
    call.shell.jobs[:] = [job for job in call.shell.jobs if job.running]  # an end is told once
    return 0


def wait(call: Call) -> Steps[int]:
    """Wait for jobs to end: for all, or for those named; the status is the last one's."""
    if not call.argv:
        for running in [each for each in call.shell.jobs if each.running]:
            yield running.done
        return 0
    status = 0
    for word in call.argv:
        job = _named(call, word)
        if job is None:
            text = f"{word}: no such job" if word.startswith("%") else f"pid {word} is not a child of this shell"
            call.shell.complain(f"wait: {text}", call.streams)
            status = 127
            continue
        if job.running:
            yield job.done
        status = job.status or 0
    return status


def foreground(call: Call) -> Steps[int]:
    """Wait for a job as if it had been typed now; Ctrl-C ends it."""
    word = call.argv[0] if call.argv else ""
    if not call.shell.interactive:
        return call.shell.complain("fg: no job control", call.streams)
    job = _named(call, word)
    if job is None:
        call.shell.complain(f"fg: {word or 'current'}: no such job", call.streams)
        return 1
    call.shell.jobs.remove(job)
    call.write(f"{job.line}\n")
    try:
        if job.running:
            yield job.done
    except Interrupt:
        job.kill(SIGNALS["INT"])
        raise
    return job.status or 0


def kill(call: Call) -> Steps[int]:
    """Send a signal to jobs of this shell, to the shell itself, or to a program of the host."""
    from sim.shell.system.machine.signals import send

    words, signal = list(call.argv), SIGNALS["TERM"]
    if words and words[0] == "-l":
        return call.shell.native(shlex.join(["kill", *words]), call.streams)
    if words and words[0].startswith("-") and words[0] != "--":
        name = words.pop(0)[1:]
        if name in ("s", "n") and words:
            name = words.pop(0)
        number = int(name) if name.isdigit() else SIGNALS.get(name.upper().removeprefix("SIG"), -1)
        if number < 0:
            return call.shell.complain(f"kill: {name}: invalid signal specification", call.streams)
        signal = number
    if not words:
        call.write("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n", "stderr")
        return 2
    status = 0
    for word in words:
        job = _named(call, word)
        if job is not None and job.running:
            if signal in ENDING:
                job.kill(signal)
        elif word == str(call.shell.pid):
            yield from _itself(call, signal)
        elif word.startswith("%"):
            status = call.shell.complain(f"kill: {word}: no such job", call.streams)
        elif word.isdigit() and send(call.host, int(word), 0):
            if call.login.uid != 0:
                status = call.shell.complain(f"kill: ({word}) - Operation not permitted", call.streams)
            else:
                send(call.host, int(word), signal)
        elif word.lstrip("-").isdigit():
            status = call.shell.complain(f"kill: ({word}) - No such process", call.streams)
        else:
            status = call.shell.complain(f"kill: {word}: arguments must be process or job IDs", call.streams)
    return status


def _itself(call: Call, signal: int) -> Steps[None]:
    """Let the shell get a signal of its own: a trap takes it, an interactive shell ignores it, a script ends."""
    name = next((known for known, number in SIGNALS.items() if number == signal), "")
    taken = yield from call.shell.signal(name, call.streams)
    if not taken and signal in ENDING and (not call.shell.interactive or signal == SIGNALS["KILL"]):
        raise Leave("exit", 128 + signal)


def disown(call: Call) -> int:
    """Forget a job; it runs on."""
    job = _named(call, call.argv[0] if call.argv else "")
    if job is None:
        call.shell.complain(f"disown: {call.argv[0] if call.argv else 'current'}: no such job", call.streams)
        return 1
    call.shell.jobs.remove(job)
    return 0


def background(call: Call) -> int:
    """Refuse: no job is ever stopped here."""
    return call.refuse("bg (Ctrl-Z is not modelled)")


BUILTINS.update({"jobs": jobs, "wait": wait, "fg": foreground, "bg": background, "kill": kill, "disown": disown})
COMMANDS["kill"] = kill

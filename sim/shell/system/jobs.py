"""Jobs of a login: jobs, wait, fg, kill, disown.

Models: bash's job control as far as `&` needs it. Ctrl-Z (stopped jobs) is not modelled, so bg refuses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sim.engine import Interrupt, Steps
from sim.shell.pipes import COMMANDS, Call

if TYPE_CHECKING:
    from sim.shell.login import Job

SIGNALS = {"HUP": 1, "INT": 2, "KILL": 9, "TERM": 15}


def _named(call: Call, word: str) -> Job | None:
    """Find a job by %number, %%, %+ or process number."""
    known = call.login.jobs
    if word in ("%%", "%+", "%", ""):
        return known[-1] if known else None
    number = word.removeprefix("%")
    if not number.isdigit():
        return None
    wanted = int(number)
    return next((job for job in known if (job.number if word.startswith("%") else job.pid) == wanted), None)


def jobs(call: Call) -> int:
    """List the jobs of this login."""
    for job in call.login.jobs:
        call.write(f"{job.pid}\n" if "-p" in call.argv else job.row(call.login.jobs, numbered="-l" in call.argv))
    call.login.jobs[:] = [job for job in call.login.jobs if job.running]  # an end is told once
    return 0


def wait(call: Call) -> Steps[int]:
    """Wait for jobs to end: for all, or for those named; the status is the last one's."""
    if not call.argv:
        for running in [each for each in call.login.jobs if each.running]:
            yield running.done
        return 0
    status = 0
    for word in call.argv:
        job = _named(call, word)
        if job is None:
            text = f"{word}: no such job" if word.startswith("%") else f"pid {word} is not a child of this shell"
            call.write(f"-bash: wait: {text}\n", "stderr")
            status = 127
            continue
        if job.running:
            yield job.done
        status = job.status or 0
    return status


def foreground(call: Call) -> Steps[int]:
    """Wait for a job as if it had been typed now; Ctrl-C ends it."""
    word = call.argv[0] if call.argv else ""
    job = _named(call, word)
    if job is None:
        call.write(f"-bash: fg: {word or 'current'}: no such job\n", "stderr")
        return 1
    call.login.jobs.remove(job)
    call.write(f"{job.line}\n")
    try:
        if job.running:
            yield job.done
    except Interrupt:
        job.kill(SIGNALS["INT"])
        raise
    return job.status or 0


def kill(call: Call) -> int:
    """Send a signal to jobs of this login. Other processes of the host are not modelled."""
    words, signal = list(call.argv), SIGNALS["TERM"]
    if words and words[0].startswith("-"):
        name = words.pop(0)[1:]
        if name == "s" and words:
            name = words.pop(0)
        number = SIGNALS.get(name.removeprefix("SIG"), int(name) if name.isdigit() else 0)
        if number not in SIGNALS.values():
            return call.refuse(f"kill -{name}")
        signal = number
    if not words:
        call.write("kill: usage: kill [-s sigspec | -n signum | -sigspec] pid | jobspec ... or kill -l [sigspec]\n", "stderr")
        return 2
    status = 0
    for word in words:
        job = _named(call, word)
        if job is None and not word.startswith("%") and word.isdigit():
            call.write(f"-bash: kill: ({word}) - No such process\n", "stderr")
            status = 1
        elif job is None:
            call.write(f"-bash: kill: {word}: no such job\n", "stderr")
            status = 1
        else:
            job.kill(signal)
    return status


def disown(call: Call) -> int:
    """Forget a job; it runs on."""
    job = _named(call, call.argv[0] if call.argv else "")
    if job is None:
        call.write(f"-bash: disown: {call.argv[0] if call.argv else 'current'}: no such job\n", "stderr")
        return 1
    call.login.jobs.remove(job)
    return 0


def background(call: Call) -> int:
    """Refuse: no job is ever stopped here."""
    return call.refuse("bg (Ctrl-Z is not modelled)")


COMMANDS.update({"jobs": jobs, "wait": wait, "fg": foreground, "bg": background, "kill": kill, "disown": disown})

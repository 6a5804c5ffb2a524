"""Lines that would eat a machine: each ends, says why, and the lab goes on. Nothing of the real machine is seen."""

import os
import resource

import pytest

import sim.shell.system  # noqa: F401 - registers the programs
from sim.engine import SECOND_US, Engine
from sim.host.network import Network
from sim.shell.login import Terminal


def terminal(**users):
    network = Network(Engine(seed=1))
    network.add("controlplane", "10.0.0.1", users=("student",))
    network.add("node01", "10.0.0.2", users=("student",))
    return Terminal(network.hosts, "controlplane", **users)


def typed(at, line, seconds=600, keys=()):
    """Type a line, press keys, give it time, then Ctrl-C: (what it printed, its status)."""
    chunks = []
    job = at.submit(line, lambda data, stream: chunks.append(data))
    engine = at.login.engine
    for key in keys:
        engine.advance(engine.now_us + SECOND_US)
        at.keys(key)
    engine.advance(engine.now_us + seconds * SECOND_US, stop=lambda: not job.running)
    if job.running:
        job.interrupt()
    at.check()
    return b"".join(chunks).decode(errors="replace"), job.status


@pytest.mark.parametrize("line", [
    ":(){ :|:& };:", "f() { f | f; }; f", "f() { f; }; f", "while :; do :; done", "for ((;;)); do :; done", "yes", "cat /dev/zero",
    "yes | sleep 5", "x=a; while true; do x=$x$x; done", "$(yes)", "dd if=/dev/zero of=big bs=1M count=100000",
    "awk 'BEGIN{while(1);}'", "echo 'bash s.sh' > s.sh; bash s.sh", "echo 'source s.sh' > s.sh; source s.sh", "watch true",
    "echo " + "A" * 300_000, "echo " + "$(" * 200 + ")" * 200, "echo " + "((" * 300, "printf '\\xff\\x00\\xfe' | cat | od -c",
])
def test_a_greedy_line_ends_and_the_lab_goes_on(line):
    at = terminal()
    out, status = typed(at, line)
    assert status is not None and len(out) < 21_000_000
    typed(at, "unset -f : f; wait")
    assert typed(at, "echo still here") == ("still here\n", 0)
    assert at.forks == 0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_500_000  # KiB


@pytest.mark.parametrize(("line", "out"), [
    ("hostname", "controlplane\n"), ("whoami", "root\n"), ("echo $PPID $$", "1 4001\n"), ("ls /work /home/runner 2>/dev/null", ""),
    ("cat /etc/hostname", "controlplane\n"), ("echo $HOME $USER", "/root root\n"), ("id -un", "root\n"),
    ("cat /etc/passwd | wc -l", "4\n"), ("date +%Y", "2025\n"),
])
def test_nothing_of_the_real_machine_is_seen(line, out):
    assert typed(terminal(), line) == (out, 0) or (out == "" and typed(terminal(), line)[0] == "")


def test_no_variable_of_the_real_environment_is_seen():
    out, _ = typed(terminal(), "env; set")
    hidden = [value for name, value in os.environ.items() if len(value) > 12 and name not in ("PATH", "LANG")]
    assert not [value for value in hidden if value in out]


@pytest.mark.parametrize("line", ["curl https://example.com", "wget example.com", "git clone x", "python3 -c 1", "nc -l 1"])
def test_no_program_reaches_out(line):
    assert typed(terminal(), line)[1] in (4, 6, 120, 127)


def test_a_program_at_the_terminal_reads_what_is_typed():
    at = terminal()
    assert typed(at, "read -p 'name? ' x; echo got $x", keys=["blue\n"])[0].endswith("got blue\n")
    assert typed(at, "cat", keys=["one\n", "two\n", "\x04"])[0] == "one\none\ntwo\ntwo\n"
    assert typed(at, "sleep 100", seconds=3) == ("", 130)
    assert typed(at, "read x; echo no", seconds=3)[1] == 130


def test_a_login_ends_and_the_line_behind_it_goes_on():
    at = terminal()
    typed(at, "ssh student@node01; echo back $?")
    assert at.prompt == "student@node01:~$ "
    out, status = typed(at, "exit 3")
    assert out == "logout\nConnection to node01 closed.\nback 3\n" and status == 0
    assert at.prompt == "root@controlplane:~# "
    typed(at, "su - student")
    assert at.prompt.startswith("student@controlplane")
    typed(at, "sudo -i")
    assert at.prompt.startswith("root@")
    typed(at, "exit")
    typed(at, "exit")
    assert len(at.logins) == 1


def test_history_is_expanded_and_shown():
    at = terminal()
    typed(at, "echo one two")
    assert typed(at, "!!")[0] == "echo one two\none two\n"
    assert typed(at, "printf '%s\\n' !$")[0] == "printf '%s\\n' two\ntwo\n"
    assert typed(at, "!echo")[0] == "echo one two\none two\n"
    assert typed(at, "!nosuch")[0] == "-bash: !nosuch: event not found\n"


def test_a_program_that_is_removed_or_not_executable_does_not_run():
    at = terminal()
    assert typed(at, "chmod -x /usr/bin/stat; stat /")[1] == 126
    assert typed(at, "rm /usr/bin/stat; hash -r; stat /") == ("-bash: stat: command not found\n", 127)
    assert typed(at, "cp /usr/bin/ls /usr/local/bin/mine; mine /etc/hosts")[0] == "/etc/hosts\n"


def test_a_full_disk_says_so():
    at = terminal()
    at.login.host.files.full = True
    assert "No space left on device" in typed(at, "echo x > /tmp/x")[0]
    assert "No space left on device" in typed(at, "cp /etc/hosts /tmp/y")[0]

"""The same seed gives the same bytes: pipelines and background lines, under load, under other hash seeds, any line at all."""

import hashlib
import os
import random
import subprocess
import sys
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shell.test_limits import terminal, typed

SOURCES = ["seq 5", "cat /etc/hosts", "echo b a c | tr ' ' '\\n'", "(sleep 1; echo late)", "printf 'x\\ny\\nz\\n'", "ls /etc", "yes | head -3",
           "for i in 1 2 3; do echo $i; sleep 0.$i; done", "echo $RANDOM", "ssh node01 'echo $HOSTNAME; sleep 1'", "date +%s%N"]
FILTERS = ["sort", "head -2", "tail -1", "wc -l", "grep -v x", "sed 's/a/b/'", "tee /tmp/t", "cat", "while read l; do echo \"<$l>\"; done", "awk '{print NR, $0}'",
           "xargs -n1 echo", "(read x; echo got $x; cat)", "tr a-z A-Z", "cut -c1-3"]
ENDS = ["", " &", "; wait", "; echo $?", " & wait", "; jobs", " > /tmp/out; cat /tmp/out", " 2>&1"]


def lines(count, seed=7):
    """Make lines; `random` here only chooses what is typed."""
    draw = random.Random(seed)
    return [" | ".join([draw.choice(SOURCES), *draw.choices(FILTERS, k=draw.randint(0, 3))]) + draw.choice(ENDS) for _ in range(count)]


def digest(count):
    at = terminal()
    told = hashlib.sha256()
    for line in lines(count):
        out, status = typed(at, line, seconds=30)
        told.update(f"{line}\0{out}\0{status}\0{at.login.engine.now_us}\n".encode())
    return told.hexdigest()


def under_load(count, times):
    stop = threading.Event()

    def burn():
        while not stop.is_set():
            sum(range(1000))

    burner = threading.Thread(target=burn)
    burner.start()
    try:
        return {digest(count) for _ in range(times)}
    finally:
        stop.set()
        burner.join()


def test_pipelines_and_jobs_give_the_same_bytes_under_load():
    assert len(under_load(40, 3)) == 1


@pytest.mark.slow
def test_two_hundred_lines_ten_times():
    assert len(under_load(200, 10)) == 1


@pytest.mark.slow
def test_a_thousand_lines_under_other_hash_seeds():
    code = "from tests.shell.test_same_bytes import digest; print(digest(1000))"
    said = {subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
                           check=True).stdout for seed in ("0", "5", "9")}
    assert len(said) == 1


TOKENS = st.sampled_from([
    "echo", "cat", "ls", "if", "then", "fi", "for", "do", "done", "while", "case", "in", "esac", "{", "}", "(", ")", "$(", "`", "${x", "$((", "))",
    "[[", "]]", "|", "||", "&&", "&", ";", ";;", "<", ">", ">>", "<<E", "<<<", "2>&1", "'", '"', "\\", "$x", "$?", "x=1", "a[1]=2", "*", "~", "!", "#",
    "f()", "exec", "set -e", "trap", "read x", "eval", "source", "exit", "return", "break", "\n", "sleep 1", "kill %1", "sudo", "ssh node01", "-", "--",
    "\x00", "\u00e9", "!!", "!$", "find . -exec", "xargs", "env", "bash -c", "time", "head -1", "tail -f /etc/hosts", "cd", "local x", "\t"])


@settings(max_examples=150, deadline=None)
@given(st.one_of(st.lists(TOKENS, min_size=1, max_size=10).map(" ".join), st.text(max_size=40)))
def test_any_line_ends_without_a_traceback(line):
    at = terminal()
    _, status = typed(at, line, seconds=20)
    assert status is not None and 0 <= status <= 255
    at.logins[0].sink = lambda data, stream: None
    while len(at.logins) > 1:
        typed(at, "exit")
    assert typed(at, "true")[1] == 0


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_in_a_file_do_no_harm(data):
    at = terminal()
    at.login.view.write("/root/f", data)
    assert typed(at, "cat f | cat > g; cmp f g; echo $?")[0].endswith("0\n")
    for line in ("bash f", "source f", "chmod +x f; ./f", "while read l; do echo $l; done < f", "sort f | uniq -c", "tar xf f", "gunzip -c f"):
        _, status = typed(terminal_with(data), line, seconds=20)
        assert status is not None


def terminal_with(data):
    at = terminal()
    at.login.view.write("/root/f", data)
    return at

"""wget. Models: the options that documents use, its report of each step, and its statuses (4 network, 8 server)."""

from __future__ import annotations

import posixpath
import re
from datetime import UTC, datetime, timedelta

from sim.engine import SECOND_US, Steps
from sim.host.files import FileError
from sim.host.web.pages import Page
from sim.host.web.pages import address as outside
from sim.shell.pipes import Call
from sim.shell.system.web import request
from sim.shell.system.web.request import Address, Failed

VALUES = {"-O": "output", "--output-document": "output", "-P": "folder", "--directory-prefix": "folder", "-T": "timeout",
          "--timeout": "timeout", "-t": "tries", "--tries": "tries", "--header": "header"}
FLAGS = {"-q": "quiet", "--quiet": "quiet", "-nv": "brief", "--no-verbose": "brief", "-c": "continue", "--continue": "continue",
         "-N": "newer", "--timestamping": "newer", "--no-check-certificate": "insecure", "--https-only": "https",
         "--show-progress": "progress", "--spider": "spider", "-nc": "no-clobber", "--progress=bar:force:noscroll": "bar",
         "--progress=bar:force": "bar"}
STATUS = {200: "OK", 302: "Found", 403: "Forbidden", 404: "Not Found"}
REDIRECTS_MAX = 20


def wget(call: Call) -> Steps[int]:
    """Fetch addresses into files."""
    options: dict[str, str] = {}
    urls: list[str] = []
    words = list(call.argv)
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in FLAGS:
            options[FLAGS[word]] = ""
        elif name in VALUES:
            options[VALUES[name]] = value if equals else words.pop(0) if words else ""
        elif re.match(r"-(?:q|c|N)*[OP]", word):
            options.update(dict.fromkeys((FLAGS[f"-{letter}"] for letter in word[1:] if letter in "qcN"), ""))
            letter, _, rest = word[1:].lstrip("qcN").partition(" ")
            options[VALUES[f"-{letter[0]}"]] = letter[1:] + rest or (words.pop(0) if words else "")
        elif word.startswith("-") and word != "-":
            return call.refuse(f"wget {word}")
        else:
            urls.append(word)
    if not urls:
        call.write("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n", "stderr")
        return 1
    status = 0
    for url in urls:
        status = (yield from _one(call, options, url)) or status
    return status


def _now(call: Call) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=call.engine.unix_us):%Y-%m-%d %H:%M:%S}"


def _one(call: Call, options: dict[str, str], url: str) -> Steps[int]:
    loud = not {"quiet", "brief"} & set(options)

    def say(text: str) -> None:
        if loud:
            call.write(text, "stderr")

    address = request.read(url)
    if address is None:
        call.write(f"{url}: Invalid URL.\n", "stderr")
        return 1
    for _ in range(REDIRECTS_MAX):
        started_us = call.engine.now_us
        say(f"--{_now(call)}--  {address.text}\n")
        _connecting(call, address, say)
        try:
            page = yield from request.fetch(call, address)
        except Failed as error:
            return _failed(call, address, error, say)
        say(f"connected.\nHTTP request sent, awaiting response... {page.status} {STATUS.get(page.status, '')}\n")
        following = request.read(page.location) if page.location else None
        if following is None:
            break
        say(f"Location: {page.location} [following]\n")
        address = following
    if page.status >= 400:
        say(f"{_now(call)} ERROR {page.status}: {STATUS.get(page.status, '')}.\n\n")
        return 8
    return _save(call, options, url, page, (call.engine.now_us - started_us) / SECOND_US, say)



def _connecting(call: Call, address: Address, say: object) -> None:
    assert callable(say)
    host = call.host.network.find(address.host, call.host, address.port)
    ip = host.address if host is not None else outside(call.host.network.mirrors, address.host)
    if not re.fullmatch(r"[\d.]+", address.host):
        say(f"Resolving {address.host} ({address.host})... ")
        say(f"{ip}\nConnecting to {address.host} ({address.host})|{ip}|:{address.port}... ")
    else:
        say(f"Connecting to {address.host}:{address.port}... ")


def _failed(call: Call, address: Address, error: Failed, say: object) -> int:
    assert callable(say)
    if error.kind == "refused":
        return call.refuse(str(error))
    if error.kind == request.NO_SUCH_NAME:
        say(f"failed: Name or service not known.\nwget: unable to resolve host address ‘{address.host}’\n")
    else:
        say("failed: Connection refused.\n" if error.kind == request.NO_CONNECTION else "failed: Connection timed out.\n")
    return 4


def _save(call: Call, options: dict[str, str], url: str, page: Page, seconds: float, say: object) -> int:
    assert callable(say)
    name = options.get("output") or posixpath.basename(re.sub(r"[?#].*", "", url)) or "index.html"
    say(f"Length: {page.length} ({_human(page.length)}) [{page.kind}]\n")
    if "spider" in options:
        say("Remote file exists.\n\n")
        return 0
    if name == "-":
        say("Saving to: ‘STDOUT’\n\n")
        call.write(page.body)
    else:
        path = call.path(posixpath.join(options.get("folder", ""), name))
        while "output" not in options and call.files.exists(path) and "continue" not in options and "newer" not in options:
            stem, _, number = path.rpartition(".")
            path = f"{stem}.{int(number) + 1}" if number.isdigit() and call.files.exists(stem) else f"{path}.1"
        name = options.get("output") or posixpath.join(options.get("folder", ""), posixpath.basename(path))
        say(f"Saving to: ‘{name}’\n\n")
        try:
            if "folder" in options and not call.files.exists(posixpath.dirname(path)):
                call.files.make_dir(posixpath.dirname(path), parents=True)
            call.files.write(path, page.body)
        except FileError as error:
            call.write(f"{name}: {error}\n\nCannot write to ‘{name}’ (Success).\n", "stderr")
            return 3
    speed = _human(page.length / max(seconds, 0.001), spaced=True)
    say(f"{posixpath.basename(name)[:20]:<20}100%[===================>] {_human(page.length):>7}  {speed.replace(' ', '')}/s    in {seconds:.1f}s\n\n")
    say(f"{_now(call)} ({speed}/s) - ‘{name}’ saved [{page.length}/{page.length}]\n\n" if name != "-" else
        f"{_now(call)} ({speed}/s) - written to stdout [{page.length}/{page.length}]\n\n")
    return 0


def _human(number: float, *, spaced: bool = False) -> str:
    if number < 1024:
        return f"{number:.0f} B" if spaced else f"{number:.0f}"
    for unit in ("K", "M", "G"):
        number /= 1024
        if number < 1024:
            digits = 0 if number >= 10 and not spaced else 1
            return f"{number:.{digits}f} {unit}B" if spaced else f"{number:.{digits}f}{unit}"
    return f"{number:.1f}T"

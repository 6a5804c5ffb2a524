"""curl. Models: the options that documents use, its complaints and statuses (6, 7, 22, 23, 28), its progress meter."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from sim.engine import SECOND_US, Steps, microseconds
from sim.host.files import FileError
from sim.host.web.pages import Page
from sim.shell.pipes import Call
from sim.shell.system.web import request
from sim.shell.system.web.request import Address, Failed

VALUES = {"-o": "output", "--output": "output", "-H": "header", "--header": "header", "-m": "max-time", "--max-time": "max-time",
          "--connect-timeout": "max-time", "--cacert": "cacert", "--cert": "cert", "-E": "cert", "--key": "key", "-A": "agent",
          "--user-agent": "agent", "-u": "user", "--user": "user", "-w": "write-out", "--write-out": "write-out", "--retry": "retry",
          "--retry-delay": "retry", "-X": "request", "--request": "request", "--proto": "proto", "--output-dir": "folder",
          "--noproxy": "noproxy", "--resolve": "resolve"}
FLAGS = {"-f": "fail", "--fail": "fail", "-s": "silent", "--silent": "silent", "-S": "show-error", "--show-error": "show-error",
         "-L": "location", "--location": "location", "-O": "remote-name", "--remote-name": "remote-name", "-k": "insecure",
         "--insecure": "insecure", "-I": "head", "--head": "head", "-i": "include", "--include": "include", "-1": "tls",
         "--tlsv1.2": "tls", "-4": "ip", "-6": "ip", "-#": "bar", "--progress-bar": "bar", "--compressed": "compressed", "-g": "glob",
         "-v": "verbose", "--verbose": "verbose", "--version": "version", "-V": "version", "--create-dirs": "create-dirs",
         "--retry-connrefused": "retry", "-J": "remote-header", "-N": "no-buffer"}
REDIRECTS_MAX = 50
REASONS = {200: "OK", 302: "Found", 403: "Forbidden", 404: "Not Found", 500: "Internal Server Error"}
METER = ("  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n"
         "                                 Dload  Upload   Total   Spent    Left  Speed\n")


@dataclass
class Asked:
    """What was asked of curl."""

    options: dict[str, str] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)
    refused: str = ""

    def __contains__(self, name: object) -> bool:
        return name in self.options


def _read(words: list[str]) -> Asked | str:
    """Read the words; gives a complaint as text."""
    asked, words = Asked(), list(words)
    while words:
        word = words.pop(0)
        if not word.startswith("-") or word == "-":
            asked.urls.append(word)
            continue
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if name in VALUES or name in FLAGS or word.startswith("--"):
            if name in VALUES:
                if not equals and not words:
                    return f"option {word}: requires parameter"
                asked.options[VALUES[name]] = value if equals else words.pop(0)
            elif name in FLAGS:
                asked.options[FLAGS[name]] = ""
            elif name in ("--data", "--data-raw", "--data-binary", "--form", "--upload-file"):
                asked.refused = asked.refused or name
                del words[:1]
            else:
                return f"option {word}: is unknown"
            continue
        rest = word[1:]
        while rest:
            letter, rest = f"-{rest[0]}", rest[1:]
            if letter in FLAGS:
                asked.options[FLAGS[letter]] = ""
            elif letter in VALUES:
                if not rest and not words:
                    return f"option {word}: requires parameter"
                asked.options[VALUES[letter]] = rest or words.pop(0)
                break
            elif letter in ("-d", "-F", "-T"):
                asked.refused = asked.refused or letter
                del words[:1]
                break
            else:
                return f"option {word}: is unknown"
    return asked


def curl(call: Call) -> Steps[int]:
    """Fetch addresses."""
    asked = _read(call.argv)
    if isinstance(asked, str):
        call.write(f"curl: {asked}\ncurl: try 'curl --help' or 'curl --manual' for more information\n", "stderr")
        return 2
    if "version" in asked:
        version = call.host.packages.version("curl").partition("-")[0]
        call.write(f"curl {version} (x86_64-pc-linux-gnu) libcurl/{version} OpenSSL/3.0.2 zlib/1.2.11\n")
        return 0
    if asked.refused or ("request" in asked and asked.options["request"].upper() not in ("GET", "HEAD")):
        return call.refuse(f"curl {asked.refused or '-X ' + asked.options['request']}")
    if not asked.urls:
        call.write("curl: no URL specified!\ncurl: try 'curl --help' or 'curl --manual' for more information\n", "stderr")
        return 2
    status = 0
    for url in asked.urls:
        status = (yield from _one(call, asked, url)) or status
    return status


def _one(call: Call, asked: Asked, url: str) -> Steps[int]:
    address = request.read(url)
    if address is None:
        return _complain(call, asked, 3, "URL using bad/illegal format or missing URL")
    started_us = call.engine.now_us
    page: Page | None = None
    for _ in range(REDIRECTS_MAX):
        try:
            page = yield from request.fetch(call, address)
        except Failed as error:
            return (yield from _failed(call, asked, address, error, started_us))
        if page.location and "location" in asked:
            following = request.read(page.location)
            assert following is not None
            address = following
            continue
        break
    assert page is not None
    if "fail" in asked and page.status >= 400:
        return _complain(call, asked, 22, f"The requested URL returned error: {page.status}")
    return _write(call, asked, url, page, (call.engine.now_us - started_us) / SECOND_US)


def _failed(call: Call, asked: Asked, address: Address, error: Failed, started_us: int) -> Steps[int]:
    if error.kind == "refused":
        return call.refuse(str(error))
    if error.kind == request.NO_SUCH_NAME:
        return _complain(call, asked, 6, f"Could not resolve host: {address.host}")
    milliseconds = (call.engine.now_us - started_us) // 1000
    if error.kind == request.TIMED_OUT:
        limit = asked.options.get("max-time", "")
        seconds = float(limit) if re.fullmatch(r"[\d.]+", limit) else 130.0
        yield call.engine.sleep(microseconds(seconds))
        return _complain(call, asked, 28, f"Connection timed out after {round(seconds * 1000)} milliseconds" if limit else
                         f"Failed to connect to {address.host} port {address.port} after {round(seconds * 1000)} ms: Connection timed out")
    why = "Connection refused" if call.host.os.codename == "jammy" else "Couldn't connect to server"
    inside = call.host.network.find(address.host, call.host, address.port) is not None
    return _complain(call, asked, 7, f"Failed to connect to {address.host} port {address.port} after {0 if inside else milliseconds} ms: {why}")


def _complain(call: Call, asked: Asked, status: int, text: str) -> int:
    if "silent" not in asked and ("output" in asked or "remote-name" in asked or not _tty(call)):
        call.write(METER + "\r" + _meter(0, 0), "stderr")
        call.write("\n", "stderr")
    if "silent" not in asked or "show-error" in asked:
        call.write(f"curl: ({status}) {text}\n", "stderr")
    return status


def _tty(call: Call) -> bool:
    terminal = call.login.terminal
    return terminal.columns is not None and any(call.streams.stdout is each.stdout for each in terminal.logins)


def _write(call: Call, asked: Asked, url: str, page: Page, seconds: float) -> int:
    body = b"" if "head" in asked else page.body
    if "head" in asked or "include" in asked:
        protocol = "HTTP/2" if url.startswith("https") else "HTTP/1.1"
        reason = "" if protocol == "HTTP/2" else REASONS.get(page.status, "")
        head = [f"{protocol} {page.status} {reason}", f"content-type: {page.kind}", f"content-length: {page.length}",
                *([f"location: {page.location}"] if page.location else [])]
        body = ("\r\n".join(head) + "\r\n\r\n").encode() + body
    name = asked.options.get("output", "")
    if "remote-name" in asked and "output" not in asked:
        name = posixpath.basename(re.sub(r"[?#].*", "", url))
        if not name:
            return _complain(call, asked, 23, "Failed writing received data to disk/application")
    if name and name != "-":
        path = call.path(posixpath.join(asked.options.get("folder", ""), name))
        try:
            if "create-dirs" in asked and not call.files.exists(posixpath.dirname(path)):
                call.files.make_dir(posixpath.dirname(path), parents=True)
            call.files.write(path, body)
        except FileError as error:
            call.write(f"Warning: Failed to open the file {name}: {error}\n", "stderr")
            return _complain(call, asked, 23, "Failure writing output to destination")
    if "silent" not in asked and ((name and name != "-") or not _tty(call)):
        call.write(METER + "\r" + _meter(0, 0) + "\r" + _meter(page.length, seconds) + "\n", "stderr")
    if not name or name == "-":
        call.write(body)
    if "write-out" in asked:
        form = asked.options["write-out"].replace("\\n", "\n").replace("\\t", "\t")
        known = {"http_code": f"{page.status:03}", "response_code": f"{page.status:03}", "size_download": str(page.length),
                 "time_total": f"{seconds:.6f}", "url_effective": url, "content_type": page.kind}
        call.write(re.sub(r"%\{(\w+)\}", lambda match: known.get(match[1], ""), form))
    return 0


def _short(number: float) -> str:
    """Write a number of bytes in five columns, as the meter does."""
    if number < 100_000:
        return f"{number:5.0f}"
    for unit, size in (("k", 1024), ("M", 1024 ** 2), ("G", 1024 ** 3)):
        if number < 9999.5 * size and unit == "k":
            return f"{number / size:4.0f}{unit}"
        if number < 100 * size:
            return f"{number / size:4.1f}{unit}"
        if number < 10000 * size:
            return f"{number / size:4.0f}{unit}"
    return f"{number:5.0f}"


def _meter(count: int, seconds: float) -> str:
    if not count:
        return "  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0"
    speed, took = count / max(seconds, 0.001), round(seconds)
    clock = f"{took // 3600:2}:{took % 3600 // 60:02}:{took % 60:02}" if took else "--:--:--"
    return (f"100 {_short(count)}  100 {_short(count)}    0     0  {_short(speed)}      0 {clock} {clock} --:--:-- {_short(speed)}")

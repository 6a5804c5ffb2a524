"""The same lines through the simulated kubectl and through a real one, at the same simulated time."""

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sim.http.serve import kubeconfig, running

HERE = Path(__file__).parent
REAL = "KUBEDRILL_KUBECTL"
SPEED = 30.0
GAP_SECONDS = 5


def real_kubectl():
    """Give the path of a real kubectl: $KUBEDRILL_KUBECTL, else the fetched one (.ci/run), else the machine's; or None."""
    fetched = Path(sys.prefix, "kubectl")
    found = os.environ.get(REAL) or (str(fetched) if fetched.exists() else shutil.which("kubectl"))
    return os.path.realpath(found) if found else None


def version_of(kubectl):
    """Ask a real kubectl for its version: (1, 33)."""
    text = subprocess.run([kubectl, "version", "--client", "-o", "json"], capture_output=True, check=True).stdout
    found = json.loads(text)["clientVersion"]
    return int(found["major"]), int(re.match(r"\d+", found["minor"])[0])


def lines(section=""):
    """Give the list's lines; those of one section (`# ---- nodes`) or all."""
    found, name = [], ""
    for line in (HERE / "parity.txt").read_text().splitlines():
        if line.startswith("# ---- "):
            name = line.removeprefix("# ---- ")
        elif line and not line.startswith("#") and section in ("", name):
            found.append(line)
    return found


def both(lab, commands, kubectl):
    """Give for each line what the simulated and the real client printed: (line, (status, text), (status, text))."""
    twin = lab.fork()
    found = []

    async def play():
        with tempfile.TemporaryDirectory() as folder:
            async with running(twin, speed=0) as (clock, urls):
                Path(folder, "kubeconfig").write_text(kubeconfig(urls))
                env = {"KUBECONFIG": f"{folder}/kubeconfig", "HOME": folder, "PATH": "/usr/bin:/bin", "COLUMNS": "80"}
                for line in commands:
                    ours = lab.run(line)
                    clock.speed = SPEED
                    words = shlex.split(line)
                    process = await asyncio.create_subprocess_exec(
                        kubectl, *words[1:], env=env, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
                    out, err = await asyncio.wait_for(process.communicate(), 60)
                    clock.speed = 0
                    theirs = (process.returncode, out.decode() + err.decode())
                    found.append((line, (ours.status, ours.stdout + ours.stderr), theirs))
                    later = max(lab.now_us, twin.now_us) + GAP_SECONDS * 1_000_000
                    for each in (lab, twin):
                        each.wait((later - each.now_us) / 1e6)

    asyncio.run(play())
    twin.close()
    return found


DYNAMIC = (
    (re.compile(r"https?://(127\.0\.0\.1:\d+|[a-z]+:\d+|\d+\.\d+\.\d+\.\d+:6443)"), "URL"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "STAMP"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    (re.compile(r'resourceVersion"?: "?\d+"?'), "REVISION"),
    (re.compile(r"\b(\d+[dhms])+\b"), "AGE"),
    (re.compile(r"\bweb-[0-9a-f]{8,10}\b"), "web-HASH"),  # `rollout restart` writes the client's own time into the template
    (re.compile(r"[IE]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ "), "KLOG "),
    (re.compile(r" +"), " "),
)


def plain(text):
    """Give the text without what depends on the moment and the address."""
    for pattern, word in DYNAMIC:
        text = pattern.sub(word, text)
    return text

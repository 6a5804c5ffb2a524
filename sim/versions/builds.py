"""What a Kubernetes binary says of its build: kubectl version, kubeadm version, the API server's /version."""

from __future__ import annotations

from sim.api.client import Object

GO = ((36, "go1.26.6"), (33, "go1.24.2"), (30, "go1.22.5"), (28, "go1.20.15"), (26, "go1.19.4"), (20, "go1.15.5"))
"""Which Go built a minor version: not verified for versions between."""
EMULATION_SINCE = 34
KNOWN = {
    "1.26.0": ("b46a3f887ca979b1a5d14fd39cb1af43e7e5d12d", "2022-12-08T19:57:06Z", "go1.19.4"),
    "1.30.0": ("7c48c2bd72b9bf5c44d21d7338cc7bea77d0ad2a", "2024-04-17T17:34:08Z", "go1.22.2"),
    "1.31.5": ("af64d838aacd9173317b39cf273741816bd82377", "2025-01-15T14:39:21Z", "go1.22.10"),
    "1.32.4": ("59526cd4867447956156ae3a602fcbac10a2c335", "2025-04-22T16:02:27Z", "go1.23.6"),
}
"""Seen in published output of `kubeadm version`: commit, build date, Go."""
UNKNOWN = "0" * 40, "1970-01-01T00:00:00Z"
"""Shaped like the real ones, so that scripts go on, and plainly no build's own."""


def build(version: str, *, server: bool = False) -> Object:
    """Give what a binary says of its build. UNKNOWN stands for a commit and a date that are not known."""
    major, minor, _ = version.split(".", 2)
    go = next((go for first, go in GO if int(minor) >= first), GO[-1][1])
    commit, date, go = KNOWN.get(version) or (*UNKNOWN, go)
    found = {"major": major, "minor": minor, "gitVersion": f"v{version}", "gitCommit": commit, "gitTreeState": "clean",
             "buildDate": date, "goVersion": go, "compiler": "gc", "platform": "linux/amd64"}
    if server and int(minor) >= EMULATION_SINCE:
        extra = {"emulationMajor": major, "emulationMinor": minor, "minCompatibilityMajor": major,
                 "minCompatibilityMinor": str(int(minor) - 1)}
        found = {"major": major, "minor": minor, **extra, **found}
    return found

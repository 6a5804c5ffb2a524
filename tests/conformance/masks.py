"""Masks of the golden comparison: each has a name, all live here, masked cells are counted."""

import re
from collections import Counter

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
COLUMNS = {
    "age": {"AGE", "LAST SEEN", "DURATION"},
    "ip": {"IP", "CLUSTER-IP", "PODCIDR", "ENDPOINTS"},
    "host": {"OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"},
}
STAND_IN_EVENTS = {"Starting", "Pulled", "Pulling", "Created", "Started", "Killing"}
TEXT = [
    ("generated", re.compile(rf"-[{LETTERS}]{{8,10}}-[{LETTERS}]{{5}}\b"), "-*"),
    ("generated", re.compile(rf"-(?=[a-z0-9]*[0-9])[{LETTERS}]{{8,10}}\b"), "-*"),
    ("generated", re.compile(rf"-[{LETTERS}]{{5}}\b"), "-*"),
    ("generated", re.compile(rf"pod-template-hash=[{LETTERS}]+"), "pod-template-hash=*"),
    ("identity", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    ("identity", re.compile(r'(resourceVersion"?: ?"?)\d+'), r"\1N"),
    ("identity", re.compile(r"((?:Machine ID|System UUID|Boot ID):\s+).*"), r"\1N"),
    ("identity", re.compile(r'("(?:uid|resourceVersion)":)"[^"]*"'), r"\1N"),
    ("time", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    ("time", re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    ("age", re.compile(r"\b(\d+[dhms]){1,2} ago\b"), "AGE"),
    ("age", re.compile(r"\(x\d+ over [0-9dhms]+\)"), "(xN)"),
    ("ip", re.compile(r"\b(10\.244|192\.168|10\.96|10\.0|172\.30)\.\d+\.\d+(/\d+)?\b"), "IP"),
    ("server", re.compile(r"https://[\w.]+:\d+"), "https://SERVER"),
    ("host", re.compile(r"((?:OS Image|Kernel Version|Container Runtime Version|Operating System):\s+).*"), r"\1HOST"),
]


def text(line: str) -> str:
    """Mask a line of free text."""
    for _, pattern, replacement in TEXT:
        line = pattern.sub(replacement, line)
    return line.rstrip()


def lines(raw: list[str], *, drop=(), cut=None, only=None) -> list[str]:
    """Leave out what the step says and mask the rest."""
    out = []
    for line in raw:
        if cut and re.search(cut, line):
            break
        if any(re.search(pattern, line) for pattern in drop):
            continue
        if re.search(r"openshift", line):
            continue
        masked = text(line)
        if out and masked == out[-1] and masked.startswith("Waiting for "):
            continue
        out.append(masked)
    return out[-1:] if only == "last" else out


def cells(raw: list[str], mask=()) -> tuple[list, int, int]:
    """Split tables; give (blocks of (header, multiset of rows), cells in all, cells masked)."""
    blocks, total, masked_count = [], 0, 0
    header: list[str] = []
    for line in raw:
        if not line.strip():
            continue
        row = re.split(r"\s{2,}", line.strip())
        if all(re.fullmatch(r"[A-Z][A-Z0-9 ()/-]*", cell) for cell in row) and len(row) > 1:
            header = row
            blocks.append((tuple(header), Counter()))
            continue
        if not blocks:
            blocks.append(((), Counter()))
        if "REASON" in header and len(row) > header.index("REASON") and row[header.index("REASON")] in STAND_IN_EVENTS:
            continue
        out = []
        for number, cell in enumerate(row):
            column = header[number] if number < len(header) else ""
            total += 1
            if any(column in columns for columns in COLUMNS.values()) or column in mask:
                masked_count += 1
                out.append("·")
            else:
                out.append(text(re.sub(r"\d+ \([0-9dhms]+ ago\)", "N (AGE)", cell)))
        blocks[-1][1][tuple(out)] += 1
    return blocks, total, masked_count

"""Masks of the golden comparison: each has a name, all live here, and what they hide is counted.

A cell is a word of a line or a cell of a table. It counts as masked when nothing of it is left to compare.
"""

import re
from collections import Counter

LETTERS = "bcdfghjklmnpqrstvwxz2456789"
AGE = r"(?:\d+[dhms]){1,2}|<unknown>|<invalid>"
COLUMNS = {
    "age": {"AGE", "LAST SEEN", "DURATION", "FIRST SEEN", "LAST SCHEDULE"},
    "ip": {"IP", "CLUSTER-IP", "PODCIDR", "ENDPOINTS", "INTERNAL-IP"},
    "host": {"OS-IMAGE", "KERNEL-VERSION", "CONTAINER-RUNTIME"},
    "identity": {"HOLDER", "UID"},
    "etcd-volatile": {"HASH", "REVISION", "TOTAL KEYS", "TOTAL SIZE", "DB SIZE", "IN USE", "PERCENTAGE NOT IN USE", "RAFT TERM", "RAFT INDEX",
                      "RAFT APPLIED INDEX", "TOOK"},
}
STAND_IN_EVENTS = {"Starting", "Pulled", "Pulling", "Created", "Started", "Killing"}
TEXT = [
    ("generated", re.compile(rf"-[{LETTERS}]{{8,10}}-[{LETTERS}]{{5}}\b"), "-*"),
    ("generated", re.compile(rf"-(?=[a-z0-9]*[0-9])[{LETTERS}]{{8,10}}\b"), "-*"),
    ("generated", re.compile(rf"-[{LETTERS}]{{5}}\b"), "-*"),
    ("generated", re.compile(rf"(pod-template-hash|controller-revision-hash)([=:] ?\"?)[{LETTERS}]+"), r"\1\2*"),
    ("identity", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UID"),
    ("identity", re.compile(r'(resourceVersion"?: ?"?)\d+'), r"\1N"),
    ("identity", re.compile(r"((?:Machine ID|System UUID|Boot ID):\s+).*"), r"\1N"),
    ("identity", re.compile(r'("(?:uid|resourceVersion)":)"[^"]*"'), r"\1N"),
    ("identity", re.compile(r"(holderIdentity: |HolderIdentity:\s+).*_.*"), r"\1HOLDER"),
    ("identity", re.compile(r"\bapiserver-[a-z0-9]{20,}\b"), "APISERVER"),
    ("identity", re.compile(r"((?:containerd|docker)://)[0-9a-f]+"), r"\1ID"),
    ("identity", re.compile(r"(Image ID:\s+).*"), r"\1ID"),
    ("time", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "TIME"),
    ("time", re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}"), "TIME"),
    ("age", re.compile(rf"\b(?:{AGE}) ago\b"), "AGE"),
    ("age", re.compile(r"\(x\d+ over [0-9dhms]+\)"), "(xN)"),
    ("age", re.compile(rf"(^\s+(?:Normal|Warning)\s+\S+\s+)(?:{AGE})"), r"\1AGE"),
    ("age", re.compile(rf"(^\s+\S+\s+\S+(?:\s+\S+ \(\d+%\)){{4}}\s+)(?:{AGE})$"), r"\1AGE"),
    ("age", re.compile(rf"(Terminating \(lasts )(?:{AGE})\)"), r"\1AGE)"),
    ("age", re.compile(rf"(Duration:\s+)(?:{AGE})$"), r"\1AGE"),
    ("ip", re.compile(r"\b(10\.244|192\.168|10\.96|10\.0|172\.30)\.\d+\.\d+(/\d+)?\b"), "IP"),
    ("server", re.compile(r"https?://[\w.]+:\d+"), "https://SERVER"),
    ("server", re.compile(r"\b(?:127\.0\.0\.1:\d{4,5}|(?:IP|[a-z]+):6443)\b"), "SERVER"),
    ("host", re.compile(r"((?:OS Image|Kernel Version|Container Runtime Version|Operating System):\s+).*"), r"\1HOST"),
]
ETCD = [
    ("etcd-volatile", re.compile(r"\b(?!8e9e05c52164694d|cdf818194e3a8c32)[0-9a-f]{14,16}\b"), "ID"),
    ("etcd-volatile", re.compile(r"took = \S+"), "took = T"),
    ("etcd-volatile", re.compile(r'"(ts|caller|target)":"[^"]*"'), r'"\1":"X"'),
    ("etcd-volatile", re.compile(r'"(took|size|hash|revision|totalKey|totalSize|raft_?[a-zA-Z]*)":"?[^",}]*"?'), r'"\1":"X"'),
    ("etcd-volatile", re.compile(r"\b\d+(\.\d+)? [kMG]B\b"), "SIZE"),
    ("etcd-volatile", re.compile(r"\b[0-9a-f]{6,8}, \d+, \d+, (?=SIZE)"), "HASH, REVISION, KEYS, "),
    ("etcd-volatile", re.compile(r"(?:\d+%, )(?=SIZE)"), "SHARE, "),
    ("etcd-volatile", re.compile(r"((?:true|false), (?:true|false)), \d+, \d+, \d+(?=, )"), r"\1, TERM, INDEX, INDEX"),
    ("etcd-volatile", re.compile(r"sha256 \[[\d ]+\], got \[[\d ]+\]"), "sha256 [DIGEST], got [DIGEST]"),
    ("etcd-volatile", re.compile(r"Logger: 0x[0-9a-f]+"), "Logger: POINTER"),
    ("etcd-volatile", re.compile(r'("(?:latest-revision|new-latest-revision|revision)": )\d+'), r"\1REVISION"),
]
PATTERNS = [*TEXT, *ETCD]


class Count:
    """How much was compared and how much of it was hidden, by the name of the mask."""

    def __init__(self):
        self.cells = 0
        self.masked = 0
        self.by_name = Counter()

    def column(self, name):
        self.cells += 1
        self.masked += 1
        self.by_name[name] += 1


def text(line, nodes=(), count=None):
    """Mask a line of free text; nodes: names that stand for each other here."""
    before = line
    for name, pattern, replacement in PATTERNS:
        line, hits = pattern.subn(replacement, line)
        if count is not None and hits:
            count.by_name[name] += hits
    for node in nodes:
        line = re.sub(rf"\b{re.escape(node)}\b", "NODE", line)
    if count is not None:
        words = line.split()
        count.cells += len(words)
        count.masked += sum(1 for word in words if word.strip("[](),:") in (
            "TIME", "AGE", "UID", "IP", "HOST", "SERVER", "NODE", "HOLDER", "ID", "N") and word not in before.split())
    return line.rstrip()


def lines(raw, *, drop=(), cut=None, only=None, nodes=(), count=None):
    """Leave out what the step and the always-on masks say, mask the rest, and make padding two blanks wide."""
    out, skip_optional = [], False
    for line in without_images(raw):
        if cut and re.search(cut, line):
            break
        if skip_optional:
            skip_optional = False
            if "Optional" in line:
                continue
        if "openshift" in line:
            skip_optional = True
            continue
        if any(re.search(pattern, line) for pattern in drop):
            continue
        event = re.match(r"\s+(?:Normal|Warning)\s+(\S+)\s", line)
        if event and event[1] in STAND_IN_EVENTS:
            continue
        masked = text(line, nodes, count)
        masked = re.sub(r"(?<=\S)\s{2,}", "  ", re.sub(r"-{3,}", "---", masked))
        if out and masked == out[-1] and masked.startswith("Waiting for "):
            continue
        out.append(masked)
    return out[-1:] if only == "last" else out


def without_images(raw):
    """Leave out what a Node's status says of images: the stand-in kubelets of the recordings list none."""
    inside = False
    for line in raw:
        inside = line == "  images:" or (inside and re.match(r"  (- names:|  )", line) is not None)
        if not inside:
            yield line


def as_set(line):
    """Take a line apart into what stands in brackets, after colons, between commas and semicolons, in any order.

    Lists hold lists: `[reason: pod, pod, reason: pod]`, and both are in the random order of Go's maps.
    """
    return "|".join(sorted(part for part in re.split(r"\[|\]|; |: |, ", line) if part))


def _row(line):
    if line.lstrip().startswith("+-"):
        return []
    if line.lstrip().startswith("|"):
        return [cell.strip() for cell in line.strip().strip("|").split("|")]
    return re.split(r"\s{2,}", line.strip())


def _is_header(row):
    return all(re.fullmatch(r"[A-Z][A-Z0-9 ()/_-]*", cell) for cell in row)


def cells(raw, mask=(), nodes=(), count=None):
    """Split tables: blocks of [header, multiset of rows]; each table stands under its header."""
    count = count or Count()
    blocks, header = [], []
    for line in raw:
        row = _row(line) if line.strip() else []
        if not row:
            continue
        if _is_header(row):
            header = row
            blocks.append((tuple(header), Counter()))
            continue
        if not blocks:
            blocks.append(((), Counter()))
        reason = header.index("REASON") if "REASON" in header else -1
        if 0 <= reason < len(row) and row[reason] in STAND_IN_EVENTS:
            continue
        out = []
        for number, cell in enumerate(row):
            column = header[number] if number < len(header) else ""
            name = next((name for name, columns in COLUMNS.items() if column in columns), None)
            if name or column in mask:
                count.column(name or f"column {column}")
                out.append("·")
                continue
            count.cells += 1
            out.append(text(re.sub(rf"(\d+) \((?:{AGE}) ago\)", r"\1 (AGE)", cell), nodes if "NODE" in mask else ()))
        blocks[-1][1][tuple(out)] += 1
    return blocks

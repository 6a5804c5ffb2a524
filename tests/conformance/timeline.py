"""Judges a run's timeline rows against what happened in the lab (golden/RUN.md, section timeline)."""

from fnmatch import fnmatchcase

SLACK_S = 0.05
KINDS = {"PDB": "PodDisruptionBudget", "PVC": "PersistentVolumeClaim"}


def named(kind, pattern, name):
    """Tell whether a row's name pattern means this object; a pattern without a slash means the default namespace."""
    if kind == "Line":
        return pattern in name
    namespace, _, plain = name.rpartition("/")
    if kind == "Lease":
        return fnmatchcase(plain, pattern)  # the recordings name the leases of leaders without their namespace
    if "/" in pattern:
        return fnmatchcase(name, pattern)
    return pattern == "*" or (namespace in ("", "default") and fnmatchcase(plain, pattern))


def judge(rows, happened, times, end):
    """Give the differences. happened: (seconds, kind, name, change, node); times: step id -> seconds; end: the last."""
    return [text for row in rows if (text := _row(row, happened, times, end))]


def _hits(row, happened, after):
    kind, _, name = row["object"].partition("/")
    kind = KINDS.get(kind, kind)
    change = row["change"].removeprefix("none").strip() if row["change"].split(" ")[0] == "none" else row["change"]
    for at, k, n, what, node in happened:
        if what.startswith("event ") and "/" not in name:
            n = n.rpartition("/")[2]  # an event row names what it is about without its namespace
        if k != kind or at < after - 1e-6 or not named(kind, name, n) or (
                "node" in row and node != row["node"]):
            continue
        if not change or what == change or what.startswith(change + " "):
            yield round(at - after, 3), n, what


def _row(row, happened, times, end):
    after = times[row["after"]]
    none = row["change"].split(" ")[0] == "none"
    if none:
        stop = end if row["until_step"] == "end" else times[row["until_step"]]
        low, high = 0.0, stop - after
    else:
        low, high = row["seconds"]
    hits = list(_hits(row, happened, after))
    inside = [hit for hit in hits if low - SLACK_S <= hit[0] <= high + SLACK_S]
    label = f"timeline after {row['after']}: {row['object']} {row['change']}"
    if none:
        return f"{label}: happened {inside[:3]}" if inside else ""
    if "count" in row:
        want = row["count"] if isinstance(row["count"], list) else [row["count"]] * 2
        if not want[0] <= len(inside) <= want[1]:
            return f"{label}: {len(inside)} times in {low}..{high}, real {want}; {hits[:8]}"
        return ""
    if not hits or not low - SLACK_S <= hits[0][0] <= high + SLACK_S:
        return f"{label}: {hits[:3] or 'never'}, real {low}..{high}"
    return ""

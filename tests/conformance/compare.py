"""Compares what a line said with what the real one said, by the step's mode (golden/RUN.md, section compare)."""

import difflib
from collections import Counter

from tests.conformance import masks


def streams(step, ours, real, nodes, count):
    """Give the differences of (stdout, stderr) pairs; empty when they are the same."""
    out = []
    for name, a, b in (("out", ours[0], real[0]), ("err", ours[1], real[1])):
        problem = _one(step, a.splitlines(), b, nodes, count)
        if problem:
            out.append(f"({name})\n{problem}")
    return out


def _one(step, ours, real, nodes, count):
    mode = step.get("compare", "text")
    mask = step.get("mask", ())
    hidden = nodes if {"N", "NODE"} & set(mask) else ()
    if mode == "cells":
        drop = {"drop": [*step.get("drop", ()), "openshift"], "cut": step.get("cut")}
        a, b = _left(ours, **drop), _left(real, **drop)
        if step.get("only") == "last":
            a, b = a[-1:], b[-1:]
        return _tables(masks.cells(a, mask, hidden, count), masks.cells(b, mask, hidden))
    leave = {"drop": step.get("drop", ()), "cut": step.get("cut"), "only": step.get("only"), "nodes": hidden}
    a, b = masks.lines(ours, count=count, **leave), masks.lines(real, **leave)
    if mode == "set":
        return _bags(Counter(map(masks.as_set, a)), Counter(map(masks.as_set, b)))
    if a == b:
        return ""
    return "\n".join("  " + row for row in difflib.unified_diff(b, a, "real", "ours", lineterm="", n=1))


def _left(raw, *, drop, cut):
    import re

    out = []
    for line in raw:
        if cut and re.search(cut, line):
            break
        if not any(re.search(pattern, line) for pattern in drop):
            out.append(line)
    return out


def _bags(a, b):
    return "\n".join([f"  + {row}" for row in (a - b).elements()] + [f"  - {row}" for row in (b - a).elements()])


def _tables(a, b):
    if a == b:
        return ""
    text = []
    for index in range(max(len(a), len(b))):
        x = a[index] if index < len(a) else ((), Counter())
        y = b[index] if index < len(b) else ((), Counter())
        if x[0] != y[0]:
            text.append(f"  header {x[0]} real {y[0]}")
        if x[1] != y[1]:
            text.append(_bags(x[1], y[1]))
    return "\n".join(text)

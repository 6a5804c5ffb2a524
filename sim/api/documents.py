"""Reading YAML: by libyaml where PyYAML has it, ten times faster; faults are always told by the Python reader, in its words."""

from __future__ import annotations

from typing import Any

import yaml

FAST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def load(text: str | bytes) -> Any:
    """Read one document. Raises yaml.YAMLError with the same words everywhere."""
    try:
        return yaml.load(text, Loader=FAST)  # noqa: S506  (a safe loader)
    except yaml.YAMLError:
        return yaml.safe_load(text)


def fault(text: str | bytes) -> str:
    """Say what Go's YAML says of a text that cannot be read, in libyaml's words where PyYAML has it; "" where it can be read."""
    try:
        yaml.load(text, Loader=FAST)  # noqa: S506  (a safe loader)
    except yaml.MarkedYAMLError as error:
        scans = isinstance(error, yaml.scanner.ScannerError)
        mark = next((mark for mark in (error.context_mark, error.problem_mark) if mark is not None and mark.line), None)
        return f"yaml: {f'line {mark.line + scans}: ' if mark else ''}{error.problem or 'unknown problem parsing YAML content'}"
    except yaml.YAMLError:
        return "yaml: control characters are not allowed"
    return ""


def compose(text: str) -> yaml.Node | None:
    """Read one document into nodes with their places. Raises yaml.YAMLError with the same words everywhere."""
    try:
        return yaml.compose(text, Loader=FAST)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def dump(document: Any, *, sort_keys: bool = False) -> str:
    """Write one document as the Python writer would: what is written here is short and plain, where both agree."""
    return str(yaml.dump(document, Dumper=DUMPER, sort_keys=sort_keys))

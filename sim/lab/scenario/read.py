"""Reads YAML with the place of everything, and turns every fault into `file:line:column: key path: message (code)`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from sim.api import documents
from sim.api.errors import KubedrillError

FILE_BYTES_MAX = 2_000_000
VALUES_MAX = 200_000
VERSION_KEYS = ("kubernetes", "to", "etcd", "kubelet")
TAGS = ("text", "languages", "line", "step", "from", "fromline", "pattern", "alternatives", "str", "int", "float", "dict[str,int]",
        "ExternalEtcd", "literal['stacked']")
"""Parts of pydantic's locations that name a branch of a union, not a key of the file."""

WANTED = {"model_type": "a mapping (key: value)", "dict_type": "a mapping (key: value)", "list_type": "a list",
          "model_attributes_type": "a mapping (key: value)", "int_type": "a number", "bool_type": "true or false"}
"""Pydantic's words for a value of the wrong type, in ours."""

KEY_MOST, MESSAGE_MOST = 60, 500
"""Characters of a file that an error repeats of a key, and says altogether."""

Marks = dict[tuple[str | int, ...], tuple[int, int]]
"""Line and column of each value by its path; of a key itself by its path and `@key`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a file. code: for `kubedrill explain`."""

    file: str
    line: int
    column: int
    path: str
    message: str
    code: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.path}: {_shown(self.message, MESSAGE_MOST)} ({self.code})"

    def as_dict(self) -> dict[str, Any]:
        """Give it for machines."""
        return {name: getattr(self, name) for name in self.__slots__}


class ScenarioError(KubedrillError):
    """A file that cannot be used; carries every problem."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class _Reader:
    """Builds plain data from YAML nodes, noting places; an alias may not blow a small file up."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.marks: Marks = {}
        self.problems: list[Problem] = []
        self.values = 0

    def build(self, node: yaml.Node, path: tuple[str | int, ...]) -> Any:
        self.values += 1
        if self.values > VALUES_MAX:
            raise ValueError(f"more than {VALUES_MAX} values (aliases count each time)")
        self.marks[path] = _place(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, at)) for at, item in enumerate(node.value)]
        if node.tag == "tag:yaml.org,2002:timestamp" or (
                node.tag in ("tag:yaml.org,2002:float", "tag:yaml.org,2002:int") and path and path[-1] in VERSION_KEYS):
            return str(node.value)
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (IndexError, KeyError, TypeError):     # `!!int ""`, `!!bool nonsense`
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(None, None, f"not a value of type {kind}", node.start_mark) from None

    def _mapping(self, node: yaml.MappingNode, path: tuple[str | int, ...]) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key_node, value in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.problems.append(Problem(self.file, *_place(key_node), dotted(path), "a key must be a plain word", "E005"))
                continue
            key = str(key_node.value)
            if key in out:
                self.problems.append(Problem(self.file, *_place(key_node), dotted((*path, key)), "duplicate key", "E002"))
            self.marks[(*path, key, "@key")] = _place(key_node)
            out[key] = self.build(value, (*path, key))
        return out


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _shown(text: str, most: int) -> str:
    """Write a file's words as part of one line: nothing that a terminal would obey, and not too much."""
    words = text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return words if len(words) <= most else f"{words[:most - 3]}..."


def dotted(path: tuple[str | int, ...]) -> str:
    """Write a path as people do: `spec.tasks[1].goals[0].where`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{_shown(part, KEY_MOST)}" if text else _shown(part, KEY_MOST)
    return text or "(file)"


def read_yaml(text: str, file: str) -> tuple[Any, Marks, list[Problem]]:
    """Read YAML; gives the data, the places, and what is wrong with its keys. Raises ScenarioError where nothing can be read."""
    if len(text) > FILE_BYTES_MAX:
        raise ScenarioError([Problem(file, 1, 1, "(file)", "larger than 2 MB", "E001")])
    reader = _Reader(file)
    try:
        node = documents.compose(text)
        data = reader.build(node, ()) if node is not None else None
    except (yaml.YAMLError, RecursionError, ValueError, OverflowError) as error:
        mark = getattr(error, "problem_mark", None)
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        said = getattr(error, "problem", None) or (str(error) if isinstance(error, ValueError) else "not YAML")
        words = " ".join(str(said).split())[:200]
        if "but got" in words or "mapping values are not allowed" in words:
            words += " (a text with `:`, `?`, `,` or quotes in it needs quotes around it)"
        problem = Problem(file, line, column, "(file)", words, "E001")
        raise ScenarioError([*reader.problems, problem]) from None
    return data, reader.marks, reader.problems


def place_of(path: tuple[str | int, ...], marks: Marks, *, key: bool = False) -> tuple[int, int]:
    """Give the place of a path, or of its nearest parent that is in the file."""
    for length in range(len(path), -1, -1):
        found = (marks.get((*path[:length], "@key")) if key and length == len(path) else None) or marks.get(path[:length])
        if found:
            return found
    return 1, 1


def problems_of(error: ValidationError, marks: Marks, file: str) -> list[Problem]:
    """Turn pydantic's complaints into problems with their places."""
    return [_problem(each, marks, file) for each in error.errors()]


def _problem(error: Any, marks: Marks, file: str) -> Problem:
    path: tuple[str | int, ...] = ()
    for part in error["loc"]:
        if (*path, part) in marks or (*path, part, "@key") in marks or part not in TAGS:
            path = (*path, part)
    kind = error["type"]
    code = {"extra_forbidden": "E003", "missing": "E004"}.get(kind, "E005")
    message = error["msg"].removeprefix("Value error, ")
    if code == "E003":
        message = "unknown key"
    elif code == "E004":
        message = "required, but missing"
    elif kind == "string_type":
        message = f"a text is wanted, and {error['input']!r:.40} is none to YAML; put it in quotes"
    elif kind in WANTED:
        message = f"{WANTED[kind]} is wanted, and this is {_kind_of(error['input'])}"
    elif kind == "union_tag_invalid":
        message = "Input should be a text, or one of the forms that docs/authoring.md lists"
    elif "a goal is exactly one" in message or "belong to a goal" in message:
        code = "E008"
    elif "a step is a line" in message or "belong to a step" in message:
        code = "E012"
    elif "not a full" in message:
        code = "E015"
    elif "not a duration" in message or "regular expression" in message or "repetition" in message:
        code = "E011"
    line, column = place_of(path, marks, key=code == "E003")
    return Problem(file, line, column, dotted(path), message, code)


def _kind_of(value: Any) -> str:
    """Name what a value is to YAML."""
    names = {dict: "a mapping", list: "a list", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return names.get(type(value), "nothing" if value is None else "something else") + (f" ({value!r:.30})" if isinstance(value, (str, int, float)) else "")


def read_text(path: Path) -> str:
    """Read a file's text. Raises ScenarioError (not UTF-8) or OSError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScenarioError([Problem(str(path), 1, 1, "(file)", "not UTF-8 text", "E001")]) from None


def validated(kind: Any, text: str, file: str) -> tuple[Any, Marks, list[Problem]]:
    """Read YAML as a type of ours; gives None and the problems where it does not fit."""
    data, marks, problems = read_yaml(text, file)
    if data is None:
        return None, marks, [*problems, Problem(file, 1, 1, "(file)", "the file is empty; `kubedrill new NAME` writes one to start from", "E001")]
    try:
        return TypeAdapter(kind).validate_python(data), marks, problems
    except ValidationError as error:
        return None, marks, problems + problems_of(error, marks, file)
    except RecursionError:
        return None, marks, [*problems, Problem(file, 1, 1, "(file)", "nested too deeply", "E001")]

"""Go's text templates, as -o go-template fills them.

Models: text/template (exec.go, funcs.go), kubectl's functions exists and base64decode.
"""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

from sim.api.errors import NotSimulated
from sim.shell.kubectl.printing import goformat
from sim.shell.kubectl.printing.gotemplate_parser import Block, Operand, Pipe, TemplateError, parse

__all__ = ["FUNCTIONS", "Run", "TemplateError", "fill", "parse"]


def fill(text: str, data: Any) -> str:
    """Fill a template. Raises TemplateError."""
    run = Run(data)
    run.fill(text)
    return "".join(run.out)


def truth(value: Any) -> bool:
    """Tell what `if` makes of a value."""
    return bool(value)


class Run:
    """One filling of a template; `out` keeps what was written before an error."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.out: list[str] = []
        self.scope: list[tuple[str, Any]] = [("$", data)]

    def fill(self, text: str) -> None:
        """Fill a template. Raises TemplateError."""
        self.blocks(parse(text), self.data)

    def blocks(self, blocks: list[Block], dot: Any) -> None:
        for block in blocks:
            if block.kind == "text":
                self.out.append(block.text)
            elif block.kind == "action":
                assert block.pipe is not None
                value = self.pipe(block.pipe, dot)
                if not block.pipe.variables:
                    self.out.append(shown(value))
            else:
                known = len(self.scope)
                self.control(block, dot)
                del self.scope[known:]

    def control(self, block: Block, dot: Any) -> None:
        assert block.pipe is not None
        if block.kind == "range":
            self.range(block, block.pipe, dot)
            return
        value = self.pipe(block.pipe, dot)
        if truth(value):
            self.blocks(block.body, value if block.kind == "with" else dot)
        else:
            self.blocks(block.other, dot)

    def range(self, block: Block, pipe: Pipe, dot: Any) -> None:
        value = self.commands(pipe, dot)
        if isinstance(value, dict):
            pairs = [(key, value[key]) for key in sorted(value)]
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        elif isinstance(value, int) and not isinstance(value, bool):
            pairs = [(number, number) for number in range(value)]
        elif value is None:
            pairs = []
        else:
            raise _failed(pipe, f"range can't iterate over {goformat.text(value)}")
        known = len(self.scope)
        for key, item in pairs:
            names = pipe.variables
            if len(names) == 1:
                self.scope.append((names[0], item))
            elif names:
                self.scope += [(names[0], key), (names[1], item)]
            self.blocks(block.body, item)
            del self.scope[known:]
        if not pairs:
            self.blocks(block.other, dot)

    # ---- values -----------------------------------------------------------------------------------------------
    def pipe(self, pipe: Pipe, dot: Any) -> Any:
        value = self.commands(pipe, dot)
        for name in pipe.variables:
            if pipe.assign:
                at = max(number for number, (known, _) in enumerate(self.scope) if known == name)
                self.scope[at] = (name, value)
            else:
                self.scope.append((name, value))
        return value

    def commands(self, pipe: Pipe, dot: Any) -> Any:
        value: Any = None
        for number, command in enumerate(pipe.commands):
            extra = [value] if number else []
            first = command[0]
            if first.kind == "word":
                args = [self.operand(each, dot, pipe) for each in command[1:]] + extra
                value = self.call(first.value, args, pipe)
                value = self.fields(value, first.fields, pipe, first.place)
            elif len(command) > 1 or extra:
                what = "." + ".".join(first.fields) if first.fields else first.value
                raise _failed(pipe, f"{what.rpartition('.')[2]} is not a method but has arguments", at=what)
            else:
                value = self.operand(first, dot, pipe)
        return value

    def operand(self, operand: Operand, dot: Any, pipe: Pipe) -> Any:
        if operand.kind == "dot":
            value = dot
        elif operand.kind == "variable":
            value = next(value for name, value in reversed(self.scope) if name == operand.value)
        elif operand.kind == "pipe":
            value = self.commands(operand.value, dot)
        elif operand.kind == "word":
            value = self.call(operand.value, [], pipe)
        else:
            value = operand.value
        return self.fields(value, operand.fields, pipe, operand.place)

    def fields(self, value: Any, names: tuple[str, ...], pipe: Pipe, place: str) -> Any:
        for name in names:
            if value is None:
                return None
            if not isinstance(value, dict):
                raise _failed(pipe, f"can't evaluate field {name} in type interface {{}}", at=f".{'.'.join(names)}", place=place)
            value = value.get(name)
        return value

    def call(self, name: str, args: list[Any], pipe: Pipe) -> Any:
        function = FUNCTIONS[name]
        try:
            return function(*args)
        except (TypeError, ValueError, LookupError) as error:
            text = str(error) if isinstance(error, _Wrong) else f"wrong number of args for {name}: want more got {len(args)}"
            raise _failed(pipe, f"error calling {name}: {text}" if isinstance(error, _Wrong) else text) from None


class _Wrong(ValueError):
    """A function's own complaint."""


def _failed(pipe: Pipe, text: str, at: str = "", place: str = "") -> TemplateError:
    return TemplateError(f'template: output:{place or pipe.place}: executing "output" at <{at or pipe.source}>: {text}')


def shown(value: Any) -> str:
    """Write a value as a template does."""
    return "<no value>" if value is None else goformat.text(value)


def _compare(test: Callable[[Any, Any], bool]) -> Callable[..., bool]:
    def run(one: Any, other: Any) -> bool:
        if type(one) is not type(other) or isinstance(one, (dict, list)):
            raise _Wrong(f"incompatible types for comparison: {_kind(one)} and {_kind(other)}")
        return test(one, other)

    return run


def _equal(first: Any, *others: Any) -> bool:
    if not others:
        raise _Wrong("missing argument for comparison")
    if isinstance(first, (dict, list)):
        raise _Wrong("non-comparable type " + goformat.text(first))
    for other in others:
        if None not in (first, other) and type(first) is not type(other):
            raise _Wrong(f"incompatible types for comparison: {_kind(first)} and {_kind(other)}")
        if first == other:
            return True
    return False


def _index(value: Any, *keys: Any) -> Any:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, (list, str)):
            if not isinstance(key, int):
                raise _Wrong(f"cannot index slice/array with type {goformat.type_name(key)}")
            if not 0 <= key < len(value):
                raise _Wrong(f"error calling index: index out of range: {key}".removeprefix("error calling index: "))
            value = value[key]
        else:
            raise _Wrong("index of untyped nil" if value is None else
                         f"can't index item of type {goformat.type_name(value)}")
    return value


def _length(value: Any) -> int:
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, (dict, list)):
        return len(value)
    raise _Wrong("reflect: call of reflect.Value.Type on zero Value" if value is None else
                 f"len of type {goformat.type_name(value)}")


def _all(first: Any, *others: Any) -> Any:
    for value in (first, *others):
        if not truth(value):
            return value
    return (first, *others)[-1]


def _any(first: Any, *others: Any) -> Any:
    for value in (first, *others):
        if truth(value):
            return value
    return (first, *others)[-1]


_VERB = re.compile(r"%([-+# 0]*)(\d*)(?:\.(\d+))?([a-zA-Z%])")


def _printf(text: Any, *args: Any) -> str:
    rest = list(args)

    def one(found: re.Match[str]) -> str:
        flags, width, precision, verb = found.groups()
        if verb == "%":
            return "%"
        if not rest:
            return f"%!{verb}(MISSING)"
        value = rest.pop(0)
        if verb == "d" and isinstance(value, int):
            out = f"{value:+d}" if "+" in flags else str(value)
        elif verb in "sv":
            out = goformat.text(value) if verb == "v" or isinstance(value, str) else f"%!s({_kind(value)}={shown(value)})"
            out = out[:int(precision)] if precision and verb == "s" else out
        elif verb == "q":
            out = goformat.quote(shown(value))
        elif verb in "feg" and isinstance(value, (int, float)):
            out = f"{value:.{precision or 6}{verb}}"
        elif verb == "t" and isinstance(value, bool):
            out = goformat.text(value)
        elif verb == "T":
            out = goformat.type_name(value)
        elif verb in "xX" and isinstance(value, (int, str)):
            out = value.encode().hex() if isinstance(value, str) else f"{value:{verb}}"
        else:
            out = f"%!{verb}({_kind(value)}={shown(value)})"
        if not width:
            return out
        fill = "0" if "0" in flags and verb in "df" else " "
        return out.ljust(int(width)) if "-" in flags else out.rjust(int(width), fill)

    done = _VERB.sub(one, shown(text))
    return done + (f"%!(EXTRA {', '.join(f'{_kind(v)}={shown(v)}' for v in rest)})" if rest else "")


def _kind(value: Any) -> str:
    return "int64" if isinstance(value, int) and not isinstance(value, bool) else goformat.type_name(value)


def _print(*args: Any) -> str:
    out = ""
    for number, value in enumerate(args):
        if number and not isinstance(value, str) and not isinstance(args[number - 1], str):
            out += " "
        out += shown(value)
    return out


def _slice(value: Any, *bounds: Any) -> Any:
    if len(bounds) > 2:
        raise NotSimulated("slice with three bounds in a template")
    if not isinstance(value, (str, list)):
        raise _Wrong(f"can't slice item of type {goformat.type_name(value)}")
    if any(not 0 <= bound <= len(value) for bound in bounds):
        raise _Wrong(f"index out of range: {next(b for b in bounds if not 0 <= b <= len(value))}")
    return value[slice(*bounds)] if len(bounds) == 2 else value[bounds[0]:] if bounds else value


def _exists(value: Any, *keys: Any) -> bool:
    for key in keys:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
            value = value[key]
        else:
            return False
    return True


def _decode(value: Any) -> str:
    try:
        return base64.b64decode(shown(value), validate=True).decode("utf-8", "replace")
    except ValueError:
        raise _Wrong("base64 decode failed: illegal base64 data at input byte 0") from None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "and": _all, "or": _any, "not": lambda value: not truth(value), "len": _length, "index": _index, "slice": _slice,
    "print": _print, "println": lambda *args: " ".join(shown(a) for a in args) + "\n", "printf": _printf,
    "html": lambda *args: html.escape(_print(*args)).replace("&quot;", "&#34;").replace("&#x27;", "&#39;"),
    "js": lambda *args: _print(*args).replace("\\", "\\\\").replace("'", "\\'").replace('"', '\\"'),
    "urlquery": lambda *args: quote_plus(_print(*args)), "eq": _equal, "ne": lambda a, b: not _equal(a, b),
    "lt": _compare(lambda a, b: a < b), "le": _compare(lambda a, b: a <= b), "gt": _compare(lambda a, b: a > b),
    "ge": _compare(lambda a, b: a >= b), "exists": _exists, "base64decode": _decode,
}

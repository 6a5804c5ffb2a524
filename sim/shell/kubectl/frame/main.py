"""The program: find the verb, read its flags, print help, run, and end as kubectl ends.

Models: kubectl/pkg/cmd/cmd.go, component-base/cli, cobra's execute.
"""

from __future__ import annotations

from functools import cache

from sim.api.errors import NotSimulated, StatusError, TransportError
from sim.engine import Steps, microseconds
from sim.shell.kubectl.frame.errors import Exit, UsageError, server_error, usage_error
from sim.shell.kubectl.frame.invocation import START_SECONDS, Invocation, client_version
from sim.shell.kubectl.printing.jsonpath import JsonPathError
from sim.shell.kubectl.words import flags as flags_
from sim.shell.kubectl.words import verbs
from sim.shell.kubectl.words.pages import Pages, pages
from sim.shell.kubectl.words.verbs import EVERYWHERE, Verb
from sim.shell.pipes import Call

QUIET_GROUPS = ("rollout", "certificate")
"""Groups whose help without a subcommand goes to stdout; the others' goes to stderr."""


@cache
def table_of_verbs() -> dict[str, Verb]:
    """Give all verbs that are built, by path."""
    from sim.shell.kubectl import describe, reading, writing

    return {**reading.verbs(), **describe.verbs(), **writing.verbs()}


def kubectl(call: Call) -> Steps[int]:
    """Run kubectl."""
    if not call.host.files.view().exists("/usr/bin/kubectl"):
        call.write("bash: kubectl: command not found\n", "stderr")
        return 127
    yield call.engine.sleep(microseconds(START_SECONDS))
    inv: Invocation | None = None
    try:
        tree = pages(client_version(call.host)[1])
        path, words = verbs.find(tree, list(call.argv))
        if not path and words == ["alpha"]:
            call.write("No alpha commands are available in this version of kubectl\n", "stderr")
            return 0
        if not path and words and words[0] == "help":
            return _help_of(call, tree, words[1:])
        if not path:
            _root(tree, words)
        parsed = flags_.parse(words, tree.flags(path), path)
        for warning in parsed.warnings:
            call.write(f"{warning}\n", "stderr")
        if parsed.values["help"] or not path or path == "options":
            call.write(tree.texts[path])
            return 0
        if path not in table_of_verbs() and tree.page(path).commands:
            return _group(call, tree, path, parsed.args)
        inv = Invocation(call, path, parsed)
        return (yield from _run(inv, tree))
    except Exit as end:
        return end.status
    except UsageError as error:
        call.write(error.lines(), "stderr")
        return error.status
    except JsonPathError as error:
        call.write(f"error: {error}\n", "stderr")
    except StatusError as error:
        call.write(server_error(error) + "\n", "stderr")
    except TransportError as error:
        call.write(f"{inv.transport_error(error) if inv else error.message}\n", "stderr")
    except NotSimulated as error:
        return call.refuse(error.what)
    return 1


def _run(inv: Invocation, tree: Pages) -> Steps[int]:
    verb = table_of_verbs().get(inv.command)
    if verb is None:
        raise NotSimulated(inv.root)
    missing = [name for name in verb.required if name not in inv.given]
    if missing:
        raise UsageError("required flag(s) " + ", ".join(f'"{name}"' for name in missing) + " not set")
    for flag in tree.flags(inv.command):
        known = flag.name in verb.models or flag.name in EVERYWHERE
        if flag.name in inv.given and not known and inv.flags[flag.name] != flag.default and not flag.deprecated:
            raise NotSimulated(f"{inv.root} --{flag.name}")
    return (yield from verb.run(inv))


def _root(tree: Pages, words: list[str]) -> None:
    """Complain about words that name no command. Raises UsageError."""
    bare = verbs.arguments(words, tree.flags(""))
    if not bare:
        return
    if words[0].startswith("-"):
        raise UsageError(f"flags cannot be placed before plugin name: {words[0]}", prefix="Error: ")
    raise UsageError(f'unknown command "{bare[0]}" for "kubectl"{verbs.suggestions(tree, bare[0])}')


def _group(call: Call, tree: Pages, path: str, args: list[str]) -> int:
    """Answer for a command that only has subcommands. Models: cmdutil.DefaultSubCommandRun."""
    if args:
        raise usage_error(path, f'unknown command "{" ".join(args)}"')
    call.write(tree.texts[path], "stdout" if path in QUIET_GROUPS else "stderr")
    return 0 if path == "certificate" else 1


def _help_of(call: Call, tree: Pages, words: list[str]) -> int:
    """Run `kubectl help TOPIC`."""
    path, rest = verbs.find(tree, words)
    if rest and not path:
        call.write(f"Unknown help topic [{' '.join(f'`{word}`' for word in rest)}]\n", "stderr")
        head = tree.texts[""].index("Basic Commands")
        call.write("\n\n" + tree.texts[""][head:], "stderr")
        return 0
    call.write(tree.texts[path])
    return 0

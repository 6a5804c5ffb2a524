"""What `set env` does to a container: variables set, removed, taken from ConfigMaps and Secrets.

Models: kubectl/pkg/cmd/set/set_env.go, kubectl/pkg/cmd/set/env.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from sim.api.client import Key, Object
from sim.engine import Steps
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation

NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
NAME_TEXT = ("a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not "
             "start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is "
             "'[-._a-zA-Z][-._a-zA-Z0-9]*')")
NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


def change_env(inv: Invocation, words: list[str]) -> Steps[Callable[[Object, str], Object]]:
    """Give what changes one container; its second argument names the object in errors. Raises UsageError."""
    new: dict[str, str] = {}
    removed: list[str] = []
    for word in words:
        name, equal, value = word.partition("=")
        if not equal:
            removed.append(word[:-1])
        elif not NAME.fullmatch(name):
            raise UsageError(f'"{name}" is not a valid key name: {NAME_TEXT}')
        else:
            new[name] = value
    if any(name in new for name in removed):
        raise UsageError("can not both modify and remove the same environment variable in the same command")
    variables: list[Object] = [{"name": name, "value": value} for name, value in new.items()]
    if inv.flags["from"]:
        variables += yield from _from(inv, inv.flags["from"])

    def change(container: Object, shown: str) -> Object:
        present: list[Object] = list(container.get("env") or [])
        if inv.flags["overwrite"] is False:
            for variable in variables:
                old = next((each for each in present if each["name"] == variable["name"]), None)
                if old is not None:
                    raise UsageError(f"{shown} '{old['name']}' already has a value ({old.get('value', '')}), and --overwrite is "
                                     "false")
        env = [each for each in present if each["name"] not in removed]
        for variable in variables:
            at = next((n for n, each in enumerate(env) if each["name"] == variable["name"]), None)
            if at is None:
                env.append(variable)
            else:
                env[at] = variable
        if env == present:
            return container
        rest = {name: value for name, value in container.items() if name != "env"}
        return {**rest, "env": env} if env else rest

    return change


def _from(inv: Invocation, source: str) -> Steps[list[Object]]:
    """Take the keys of a ConfigMap or a Secret as variables. Raises UsageError, StatusError."""
    word, slash, name = source.partition("/")
    mapping = yield from inv.resolve(word)
    if mapping.kind not in ("ConfigMap", "Secret") or not slash:
        raise UsageError(f"unsupported resource specified in --from: {source}")
    obj = yield from inv.send("get", Key(mapping.resource, inv.namespace, name))
    field = "configMapKeyRef" if mapping.kind == "ConfigMap" else "secretKeyRef"
    prefix, wanted = inv.flags["prefix"] or "", inv.flags["keys"] or []
    found: list[Object] = []
    for key in sorted(obj.get("data") or {}, key=_variable):
        if wanted and key not in wanted:
            continue
        plain = _variable(key)
        if plain != key:
            inv.err(f"Warning: key {key} transferred to {plain}")
        found.append({"name": prefix + plain, "valueFrom": {field: {"key": key, "name": name}}})
    return found


def _variable(key: str) -> str:
    """Make a variable's name of a key."""
    return NOT_A_NAME.sub("_", key).upper()


def list_env(container: Object) -> Iterator[str]:
    """Give the lines of `set env --list`."""
    for each in container.get("env") or []:
        source = each.get("valueFrom")
        if not source:
            yield f"{each['name']}={each.get('value', '')}"
        elif "fieldRef" in source:
            yield f"# {each['name']} from field path {source['fieldRef']['fieldPath']}"
        elif "secretKeyRef" in source:
            yield f"# {each['name']} from secret {source['secretKeyRef']['name']}, key {source['secretKeyRef']['key']}"
        elif "configMapKeyRef" in source:
            yield f"# {each['name']} from configmap {source['configMapKeyRef']['name']}, key {source['configMapKeyRef']['key']}"
        else:
            yield f"# {each['name']} from unknown"

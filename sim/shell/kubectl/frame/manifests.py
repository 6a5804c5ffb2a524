"""Objects that a user brings: files, folders, standard input; YAML or JSON, one or many documents.

Models: cli-runtime/pkg/resource/visitor.go, apimachinery/pkg/util/yaml. URLs and kustomizations refuse.
"""

from __future__ import annotations

import yaml

from sim.api.client import Object
from sim.shell.kubectl.frame.errors import UsageError


def documents(data: bytes, name: str) -> list[Object]:
    """Read YAML documents; Lists are taken apart. Raises UsageError with the parser's line."""
    found: list[Object] = []
    try:
        for document in yaml.safe_load_all(data.decode()):
            if document is None:
                continue
            if not isinstance(document, dict):
                raise UsageError(f"error parsing {name}: error converting YAML to JSON: yaml: not a mapping")
            for obj in document.get("items", [document]) if str(document.get("kind", "")).endswith("List") else [document]:
                for word in ("apiVersion", "kind"):
                    if not obj.get(word):
                        raise UsageError(f"error validating \"{name}\": error validating data: {word} not set; if you "
                                         "choose to ignore these errors, turn validation off with --validate=false")
                found.append({**obj, "metadata": obj.get("metadata") or {}})
    except UnicodeDecodeError:
        raise UsageError(f"error parsing {name}: yaml: invalid leading UTF-8 octet") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line}: " if mark else ""
        raise UsageError(f"error parsing {name}: error converting YAML to JSON: yaml: {line}"
                         f"{getattr(error, 'problem', 'could not parse')}") from None
    return found

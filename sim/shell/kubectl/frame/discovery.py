"""What discovery says of kinds, and how words name them.

Models: client-go/restmapper (shortcut.go, category_expansion.go), client-go/discovery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from sim.api.client import Key


@dataclass(frozen=True, slots=True)
class Mapping_:
    """One kind that the server knows. names: plural, singular, short names."""

    resource: str
    kind: str
    group: str
    version: str
    namespaced: bool
    names: tuple[str, ...]
    verbs: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def qualified(self) -> str:
        """Name it as success lines do: `deployment.apps`, `pod`."""
        return f"{self.kind.lower()}.{self.group}" if self.group else self.kind.lower()

    @property
    def api_version(self) -> str:
        """Give `apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def short_names(self) -> tuple[str, ...]:
        """Give the short names: `deploy`."""
        return self.names[2:]

    @property
    def plural(self) -> str:
        """Give `deployments`: what stands in URLs (custom resources are keyed with their group)."""
        return self.names[0]

    def answers_to(self, word: str) -> bool:
        """Tell whether `pods`, `po`, `pod.v1`, `deployments.apps`, `deploy.v1.apps` names it."""
        plain, _, group = word.lower().partition(".")
        return plain in self.names and group in (
            "", self.group, f"{self.version}.{self.group}", self.version if not self.group else None)


def mapping_of(row: Mapping[str, Any]) -> Mapping_:
    """Read one row of the server's discovery document."""
    plural = row.get("plural") or row["resource"]
    return Mapping_(row["resource"], row["kind"], row["group"], row["version"], row["namespaced"],
                    (plural, row["singular"], *row["shortNames"]), tuple(row.get("verbs") or ()),
                    tuple(row.get("categories") or ()))


def path_of(key: Key, group: str, version: str, subresource: str = "") -> str:
    """Give the path of an object or a collection."""
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    space = f"/namespaces/{key.namespace}" if key.namespace else ""
    name = f"/{quote(key.name)}" if key.name else ""
    return f"{root}{space}/{key.resource}{name}{f'/{subresource}' if subresource else ''}"

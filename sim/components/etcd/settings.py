"""etcd's settings: flags, then ETCD_* variables, or a configuration file alone.

Models: etcdmain/config.go, embed/config.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from sim.api import documents
from sim.etcd import ids
from sim.host.etcd.member import QUOTA_BYTES
from sim.host.files import FileError

if TYPE_CHECKING:
    from sim.components.etcd.program import Etcd

CLIENT_URL, PEER_URL = "http://localhost:2379", "http://localhost:2380"


@dataclass(frozen=True, slots=True)
class Settings:
    """What etcd was told. initial_cluster: name -> peer URLs."""

    name: str
    data_dir: str
    client_urls: tuple[str, ...]
    peer_urls: tuple[str, ...]
    advertise_client_urls: tuple[str, ...]
    advertise_peer_urls: tuple[str, ...]
    initial_cluster: dict[str, list[str]]
    token: str
    existing: bool
    force_new_cluster: bool
    quota_bytes: int


def read(flags: dict[str, str], env: Mapping[str, str], program: Etcd) -> Settings:
    """Read the settings; variables are added to `flags`. Raises Fatal."""
    path = flags.get("config-file") or env.get("ETCD_CONFIG_FILE", "")
    if path:
        flags = from_file(program, path)
        program.flags = flags
    for variable, value in env.items() if not path else ():
        name = variable.removeprefix("ETCD_").lower().replace("_", "-")
        if variable.startswith("ETCD_") and value and name not in flags:
            flags[name] = value

    def urls(flag: str, default: str) -> tuple[str, ...]:
        return tuple(each.strip() for each in flags.get(flag, default).split(",") if each.strip())

    name = flags.get("name", "default")
    peers = urls("initial-advertise-peer-urls", PEER_URL)
    cluster: dict[str, list[str]] = {}
    for part in (flags.get("initial-cluster") or ",".join(f"{name}={url}" for url in peers)).split(","):
        who, _, url = part.partition("=")
        cluster.setdefault(who.strip(), []).append(url.strip())
    quota = flags.get("quota-backend-bytes", "0")
    return Settings(
        name, flags.get("data-dir") or f"{name}.etcd", urls("listen-client-urls", CLIENT_URL),
        urls("listen-peer-urls", PEER_URL), urls("advertise-client-urls", CLIENT_URL), peers, cluster,
        flags.get("initial-cluster-token", ids.TOKEN), flags.get("initial-cluster-state") == "existing",
        flags.get("force-new-cluster") == "true", int(quota) if quota.isdigit() and int(quota) else QUOTA_BYTES)


def from_file(program: Etcd, path: str) -> dict[str, str]:
    """Read a configuration file: it stands in place of all flags and variables. Raises Fatal."""
    try:
        loaded = documents.load(program.read_file(path))
    except FileError as error:
        raise program.verifying(f"open {path}: {str(error).lower()}") from None
    except yaml.YAMLError as error:
        raise program.verifying(f"error converting YAML to JSON: yaml: {str(error).partition(chr(10))[0]}") from None
    if not isinstance(loaded, dict):
        raise program.verifying("error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value of type "
                                "embed.configYAML")
    found: dict[str, str] = {}
    for name, value in loaded.items():
        prefix = {"client-transport-security": "", "peer-transport-security": "peer-"}.get(name)
        if prefix is not None and isinstance(value, dict):
            found |= {f"{prefix}{inner}": _text(each) for inner, each in value.items()}
        else:
            found[str(name)] = _text(value)
    return {name: value for name, value in found.items() if value}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def minor_of(version: str) -> tuple[int, int] | None:
    """Read the first two numbers of a version."""
    numbers = [int(part) for part in version.split(".")[:2] if part.isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else None

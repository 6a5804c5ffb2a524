"""Volumes of pods and persistent volumes.

Models: kubectl/pkg/describe/describe.go (describeVolumes). Other sources than these are written by their kind's name alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sim.api.client import Object
from sim.shell.kubectl.describe.writer import Writer

ABOUT = {
    "hostPath": ("HostPath", "bare host directory volume"),
    "emptyDir": ("EmptyDir", "a temporary directory that shares a pod's lifetime"),
    "secret": ("Secret", "a volume populated by a Secret"),
    "configMap": ("ConfigMap", "a volume populated by a ConfigMap"),
    "nfs": ("NFS", "an NFS mount that lasts the lifetime of a pod"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "a reference to a PersistentVolumeClaim in the same namespace"),
    "projected": ("Projected", "a volume that contains injected data from multiple sources"),
    "downwardAPI": ("DownwardAPI", "a volume populated by information about the pod"),
    "csi": ("CSI", "a Container Storage Interface (CSI) volume source"),
    "local": ("LocalVolume", "a persistent volume backed by local storage on a node"),
}


OPTIONAL_SINCE = (1, 30)
"""Clients before it write a pointer beside the wrong word. golden: 1.28 does, 1.33 does not."""


def volumes(w: Writer, found: Sequence[Object], space: str, version: tuple[int, int]) -> None:
    """Write the volumes of a pod (space "") or of a template (space "  ")."""
    if not found:
        w.write(f"{space}Volumes:\t<none>\n")
        return
    w.write(f"{space}Volumes:\n")
    for volume in found:
        w.write(f"{'   ' if space else '  '}{volume['name']}:\n")
        kind = next((key for key in volume if key != "name"), "")
        source(w, kind, volume.get(kind) or {}, version)


def source(w: Writer, kind: str, body: Any, version: tuple[int, int]) -> None:
    """Write where a volume comes from."""
    if kind not in ABOUT:
        w.write(f"    Type:\t{kind[:1].upper()}{kind[1:]}\n" if kind else "<unknown>\n")
        return
    name, about = ABOUT[kind]
    lead = "    "
    w.write(f"{lead}Type:\t{name} ({about})\n")
    optional = "true" if body.get("optional") else "false"
    rows: list[tuple[str, Any]] = []
    if kind == "hostPath":
        rows = [("Path", body.get("path", "")), ("HostPathType", body.get("type", ""))]
    elif kind == "emptyDir":
        rows = [("Medium", body.get("medium", "")), ("SizeLimit", body.get("sizeLimit", "<unset>"))]
    elif kind == "secret":
        rows = [("SecretName", body.get("secretName", "")), ("Optional", optional)]
    elif kind == "configMap":
        rows = [("Name", body.get("name", "")), ("Optional", optional)]
    elif kind == "nfs":
        rows = [("Server", body.get("server", "")), ("Path", body.get("path", "")),
                ("ReadOnly", "true" if body.get("readOnly") else "false")]
    elif kind == "persistentVolumeClaim":
        rows = [("ClaimName", body.get("claimName", "")), ("ReadOnly", "true" if body.get("readOnly") else "false")]
    elif kind == "local":
        rows = [("Path", body.get("path", ""))]
    elif kind == "csi":
        rows = [("Driver", body.get("driver", "")), ("FSType", body.get("fsType", "")),
                ("ReadOnly", "true" if body.get("readOnly") else "false")]
    elif kind == "projected":
        rows = _projected(body, version)
    for title, value in rows:
        w.write(f"{lead}{title}:\t{value}\n")
    if kind == "downwardAPI":
        w.write(f"{lead}Items:\n")
        for item in body.get("items") or []:
            w.write(f"{lead}  {(item.get('fieldRef') or {}).get('fieldPath', '')} -> {item.get('path', '')}\n")


def _projected(body: Object, version: tuple[int, int]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for part in body.get("sources") or []:
        if "secret" in part:
            rows += [("SecretName", part["secret"].get("name", "")), ("Optional", _truth(part["secret"]))]
        elif "downwardAPI" in part:
            rows.append(("DownwardAPI", "true"))
        elif "configMap" in part:
            rows.append(("ConfigMapName", part["configMap"].get("name", "")))
            rows.append(("Optional", _truth(part["configMap"])) if version >= OPTIONAL_SINCE else
                        ("ConfigMapOptional", "<nil>"))
        elif "serviceAccountToken" in part:
            rows.append(("TokenExpirationSeconds", part["serviceAccountToken"].get("expirationSeconds", 3600)))
    return rows


def _truth(part: Object) -> str:
    return "true" if part.get("optional") else "false"

"""The files in a container that are known: what volumes hold. A container's own file system is not modelled.

Models: pkg/volume/{emptydir,hostpath,configmap,secret}: an emptyDir is a directory under the kubelet's root on the node, and
goes with the pod (`Runtime.remove`). Left out: subPath, projected and persistent volumes.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

from sim.api import objects
from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.host.files import FileError, View
from sim.host.runtime import pod_folder

if TYPE_CHECKING:
    from sim.shell.kubectl.session.programs import Inside

KEPT_BY_OBJECTS = (("configMap", "configmaps", "name"), ("secret", "secrets", "secretName"))


class Place(NamedTuple):
    """Where a path of a container lies on its node; read_only: the container may not write there."""

    files: View
    path: str
    read_only: bool


def mounted(inside: Inside) -> Steps[dict[str, dict[str, bytes]]]:
    """Give what ConfigMaps and Secrets put into the container: mount path -> file name -> content."""
    volumes = {each["name"]: each for each in objects.dig(inside.pod, "spec.volumes", [])}
    found: dict[str, dict[str, bytes]] = {}
    for mount in inside.container.get("volumeMounts") or []:
        volume = volumes.get(mount["name"], {})
        for field, resource, named in KEPT_BY_OBJECTS:
            if field not in volume or mount.get("subPath"):
                continue
            data = (yield from inside.find(resource, volume[field][named])).get("data") or {}
            found[mount["mountPath"].rstrip("/")] = {
                name: base64.b64decode(text) if resource == "secrets" else text.encode() for name, text in data.items()}
    return found


def place(inside: Inside, path: str) -> Place | None:
    """Find a path of the container on its node; None where no directory of the node is mounted."""
    volumes = {each["name"]: each for each in objects.dig(inside.pod, "spec.volumes", [])}
    host = inside.inv.call.host.network.hosts.get(inside.pod["spec"]["nodeName"])
    if host is None:
        return None
    for mount in inside.container.get("volumeMounts") or []:
        inner, volume = mount["mountPath"].rstrip("/"), volumes.get(mount["name"], {})
        if mount.get("subPath") or not (path == inner or path.startswith(f"{inner}/")):
            continue
        source = objects.dig(volume, "hostPath.path")
        if "emptyDir" in volume:
            source = f"{pod_folder(inside.pod)}/volumes/kubernetes.io~empty-dir/{mount['name']}"
            host.files.view().make_dir(source, parents=True)
        if source:
            return Place(host.files.view(), source.rstrip("/") + path[len(inner):], bool(mount.get("readOnly")))
    return None


def read(inside: Inside, path: str) -> Steps[bytes | None]:
    """Read a file in the container, None where it certainly is not there. Raises NotSimulated where nobody knows."""
    folder, _, name = path.rpartition("/")
    files = yield from mounted(inside)
    if folder in files:
        return files[folder].get(name)
    there = place(inside, path)
    if there is None:
        raise inside.unknown(f"cat {path}")
    try:
        return there.files.read(there.path)
    except FileError:
        return None


def write(inside: Inside, path: str, name: str, data: bytes) -> Steps[str]:
    """Write a file into the container as tar does; gives tar's complaint. path: the file, or a directory for `name`.

    Raises NotSimulated where the path is no volume's.
    """
    if any(path == mount or path.startswith(f"{mount}/") for mount in (yield from mounted(inside))):
        return f"tar: {name}: Cannot open: Read-only file system"
    there = place(inside, path.rstrip("/") or "/")
    if there is None:
        raise NotSimulated(f"kubectl cp: {path} of a container: only what volumes hold is modelled")
    goal = f"{there.path}/{name}" if path.endswith("/") or there.files.is_dir(there.path) else there.path
    if there.read_only:
        return f"tar: {goal.rpartition('/')[2]}: Cannot open: Read-only file system"
    try:
        there.files.make_dir(goal.rpartition("/")[0], parents=True)
        there.files.write(goal, data)
    except FileError as error:
        return f"tar: {goal.rpartition('/')[2]}: Cannot open: {error}"
    return ""

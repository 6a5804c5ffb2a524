"""Image locality: a node that has a pod's large images already is a little better.

Images are compared by the names that nodes report, as upstream does: `nginx:1.27` is not `docker.io/library/nginx:1.27`.

Models: framework/plugins/imagelocality.
"""

from __future__ import annotations

from collections.abc import Sequence

from sim.api import objects
from sim.api.client import Object
from sim.controllers.scheduler.nodeinfo import NodeInfo

BEST = 100
MIB = 1 << 20
LEAST_BYTES, MOST_BYTES = 23 * MIB, 1000 * MIB


def image_name(image: str) -> str:
    """Give the name with a tag: `latest` where there is none."""
    return image if ":" in image.rpartition("/")[2] or "@" in image else f"{image}:latest"


class Images:
    """Which nodes have which images."""

    def __init__(self) -> None:
        self._nodes: dict[str, list[str]] = {}
        self._sizes: dict[str, dict[str, int]] = {}

    def note(self, name: str, node: Object | None) -> None:
        """Take a node's list of images; None when the node is gone."""
        for image in self._nodes.pop(name, ()):
            self._sizes[image].pop(name, None)
            if not self._sizes[image]:
                del self._sizes[image]
        found = self._nodes[name] = [
            image for each in objects.dig(node, "status.images", []) for image in each.get("names") or ()] if (
                node is not None) else []
        for each in objects.dig(node, "status.images", []) if node is not None else ():
            for image in each.get("names") or ():
                self._sizes.setdefault(image, {})[name] = int(each.get("sizeBytes") or 0)
        if not found:
            del self._nodes[name]

    @staticmethod
    def _wanted(pod: Object) -> list[str]:
        spec = pod.get("spec") or {}
        return [image_name(str(each.get("image") or "")) for each in (
            *(spec.get("initContainers") or ()), *(spec.get("containers") or ()))]

    def has_any(self, pod: Object) -> bool:
        """Tell whether some node has an image of the pod."""
        return bool(self._sizes) and any(image in self._sizes for image in self._wanted(pod))

    def scores(self, pod: Object, nodes: Sequence[NodeInfo], total: int) -> list[int] | None:
        """Score the nodes that fit, 0 to 100; None where no image of the pod is anywhere. total: nodes in the cluster."""
        wanted = self._wanted(pod)
        known = [found for image in wanted if (found := self._sizes.get(image))]
        if not known:
            return None
        most = MOST_BYTES * len(wanted)
        out = []
        for info in nodes:
            name = objects.name(info.node)
            amount = sum(found[name] * len(found) // total for found in known if name in found)
            out.append(BEST * (min(max(amount, LEAST_BYTES), most) - LEAST_BYTES) // (most - LEAST_BYTES))
        return out if any(out) else None

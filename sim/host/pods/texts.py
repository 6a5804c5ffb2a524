"""What the kubelet says in Events and statuses, by version (major, minor).

Sources: pkg/kubelet/images/image_manager.go, kuberuntime_container.go and kuberuntime_manager.go at the releases named;
published logs of clusters of those versions.
"""

from __future__ import annotations

from sim.host.images import pull_problem as _problem

Minor = tuple[int, int]


def go_seconds(us: int) -> str:
    """Write a duration as Go does: `10s`, `1m20s`, `5m0s`."""
    seconds = us // 1_000_000
    return f"{seconds}s" if seconds < 60 else f"{seconds // 60}m{seconds % 60}s"


def _went(us: int) -> str:
    if us < 1_000_000:
        return f"{us // 1000}ms"
    return f"{us / 1_000_000:.3f}".rstrip("0").rstrip(".") + "s"


def pulled(minor: Minor, image: str, us: int, mib: float) -> str:
    """`Successfully pulled image …`: with the time since 1.20, the wait since 1.27, the size since 1.30."""
    text = f'Successfully pulled image "{image}"'
    if minor >= (1, 20):
        text += f" in {_went(us)}"
    if minor >= (1, 27):
        text += f" ({_went(us)} including waiting)"
    if minor >= (1, 30):
        text += f". Image size: {round(mib * 1048576)} bytes."
    return text


def present(minor: Minor, image: str) -> str:
    """`… already present on machine`; 1.35 adds that the pod may use it."""
    return f'Container image "{image}" already present on machine' + (
        " and can be accessed by the pod" if minor >= (1, 35) else "")


def created(minor: Minor, name: str) -> str:
    """`Created container`, with a colon since 1.32; `Container created` since 1.35."""
    if minor >= (1, 35):
        return "Container created"
    return f"Created container: {name}" if minor >= (1, 32) else f"Created container {name}"


def started(minor: Minor, name: str) -> str:
    """`Started container NAME`; `Container started` since 1.35."""
    return "Container started" if minor >= (1, 35) else f"Started container {name}"


def backing_off(minor: Minor, name: str, pod: str) -> str:
    """`Back-off restarting failed container`, with names since 1.27."""
    return f"Back-off restarting failed container {name} in pod {pod}" if minor >= (1, 27) else (
        "Back-off restarting failed container")


def pull_problem(image: str, error: str) -> str:
    """Why an image does not come, in containerd's words."""
    return _problem(image, error)

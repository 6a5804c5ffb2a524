"""kubeadm config images list and pull. Models: cmd/kubeadm/app/cmd/config.go, app/images."""

from __future__ import annotations

from sim.api.client import Object
from sim.api.errors import NotSimulated
from sim.engine import Steps
from sim.host.images import pull_problem
from sim.kubeadm.frame.command import Command, Flag, Values
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases.config import Configuration
from sim.kubeadm.phases.manifests import PLANE
from sim.kubeadm.releases import target_of
from sim.versions import catalogue
from sim.versions.catalogue import VersionError

HAD_SECONDS = 0.1
POD: Object = {"metadata": {}, "spec": {}}


def names(config: Configuration) -> list[str]:
    """Give the images that a cluster of this configuration wants, in kubeadm's order."""
    registry, version = config.images, config.version
    tags = catalogue.images(version)
    minor = catalogue.minor_of(version)
    found = [f"{registry}/{name}:v{version}" for name in (*PLANE, "kube-proxy")]
    coredns = [f"{registry}/{minor.coredns_path}:{tags.coredns}"] if tags.coredns else []
    pause, etcd = f"{registry}/pause:{tags.pause}", f"{registry}/etcd:{tags.etcd}"
    return [*found, *coredns, pause, etcd] if config.minor >= (1, 23) else [*found, pause, etcd, *coredns]


def pull(session: Session, image: str) -> Steps[str]:
    """Pull an image onto the host if it is not there; gives what went wrong, "" when it is there now."""
    runtime = session.host.runtime
    if not runtime.up:
        return ('failed to pull image "' + image + '": output: E0000 remote_image.go:180] "PullImage from image service failed" '
                'err="rpc error: code = Unavailable desc = connection error", error: exit status 1')
    if image in runtime.images:
        yield from session.pause(HAD_SECONDS)
        return ""
    kind = session.host.catalogue.behaviour(image, POD)
    kubelets = list(session.host.kubelets)
    factor = kubelets[0].pull_factor(image) if kubelets else 1.0
    yield session.engine.sleep(round(runtime.vary(kind.pull_seconds if not kind.pull_error else 1.5, kind) * factor))
    if kind.pull_error:
        return f'failed to pull image "{image}": {pull_problem(image, kind.pull_error)}'
    runtime.images[image] = kind.mib
    return ""


def _configuration(session: Session, flags: Values) -> Configuration:
    """Give what the flags ask for. Raises KubeadmError."""
    version = target_of(session, flags["kubernetes-version"])
    try:
        catalogue.minor_of(version)
    except VersionError as error:
        raise NotSimulated(f"kubeadm images of {version}: {error}") from None
    return Configuration(version, registry=flags["image-repository"] if flags["image-repository"] != "registry.k8s.io" else "")


def listed(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Print the images that kubeadm uses."""
    yield from session.takes(0.2, 0.6, 1.0)
    for name in names(_configuration(session, flags)):
        session.out(name)


def pulled(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Pull the images that kubeadm uses."""
    yield from session.takes(0.2, 0.6, 1.0)
    for name in names(_configuration(session, flags)):
        problem = yield from pull(session, name)
        if problem:
            raise KubeadmError(problem)
        session.out(f"[config/images] Pulled {name}")


FLAGS = (
    Flag("config", "", "Path to a kubeadm configuration file.", modelled=False),
    Flag("feature-gates", "", "A set of key=value pairs that describe feature gates for various features.", modelled=False),
    Flag("image-repository", "registry.k8s.io", "Choose a container registry to pull control plane images from"),
    Flag("kubernetes-version", "stable-1", "Choose a specific Kubernetes version for the control plane."),
)
COMMANDS = (
    Command("config", "Manage configuration for a kubeadm cluster persisted in a ConfigMap in the cluster"),
    Command("config images", "Interact with container images used by kubeadm", since=(1, 11)),
    Command("config images list", "Print a list of images kubeadm will use. The configuration file is used in case any images or "
            "image repositories are customized", listed, FLAGS, since=(1, 11)),
    Command("config images pull", "Pull images used by kubeadm", pulled,
            (*FLAGS, Flag("cri-socket", "", "Path to the CRI socket to connect.", modelled=False)), since=(1, 11)),
)

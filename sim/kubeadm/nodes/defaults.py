"""kubeadm config print init-defaults and join-defaults. Models: cmd/kubeadm/app/cmd/config.go, util/config defaults."""

from __future__ import annotations

from typing import Any

from sim.api import documents
from sim.engine import Steps
from sim.kubeadm.frame.command import Command, Flag, Values
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.phases.config import Configuration, form_of

TOKEN = "abcdef.0123456789abcdef"
SOCKET, OLD_SOCKET = "unix:///var/run/containerd/containerd.sock", "/var/run/dockershim.sock"
CONTAINERD_SINCE, NEW_FORM_SINCE = (1, 24), (1, 31)


def _registration(session: Session, name: str) -> dict[str, Any]:
    socket = SOCKET if session.minor >= CONTAINERD_SINCE else OLD_SOCKET
    return {"criSocket": socket, "imagePullPolicy": "IfNotPresent",
            **({"imagePullSerial": True} if session.minor >= NEW_FORM_SINCE else {}), "name": name, "taints": None}


def init_defaults(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Print what init would do without a word."""
    yield from session.takes(0.2, 0.6, 1.0)
    _components(flags)
    form = f"kubeadm.k8s.io/{form_of(session.minor)}"
    init = {"apiVersion": form, "bootstrapTokens": [{
        "groups": ["system:bootstrappers:kubeadm:default-node-token"], "token": TOKEN, "ttl": "24h0m0s",
        "usages": ["signing", "authentication"]}], "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": "1.2.3.4", "bindPort": 6443}, "nodeRegistration": _registration(session, "node"),
        **({"timeouts": TIMEOUTS} if session.minor >= NEW_FORM_SINCE else {})}
    version = f"{session.minor[0]}.{session.minor[1]}.0"
    cluster = Configuration(version, pod_subnet="").document(session.minor)
    networking = {name: value for name, value in cluster["networking"].items() if value}
    session.write(documents.dump(init, sort_keys=True) + "---\n" + documents.dump({**cluster, "networking": networking}, sort_keys=True),
                  "stdout")


def join_defaults(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Print what join would do with these placeholders."""
    yield from session.takes(0.2, 0.6, 1.0)
    _components(flags)
    timed = session.minor < NEW_FORM_SINCE
    session.write(documents.dump({
        "apiVersion": f"kubeadm.k8s.io/{form_of(session.minor)}", "caCertPath": "/etc/kubernetes/pki/ca.crt", "discovery": {
            "bootstrapToken": {"apiServerEndpoint": "kube-apiserver:6443", "token": TOKEN, "unsafeSkipCAVerification": True},
            **({"timeout": "5m0s"} if timed else {}), "tlsBootstrapToken": TOKEN},
        "kind": "JoinConfiguration", "nodeRegistration": _registration(session, session.host.name),
        **({} if timed else {"timeouts": TIMEOUTS})}, sort_keys=True), "stdout")


TIMEOUTS = {"controlPlaneComponentHealthCheck": "4m0s", "discovery": "5m0s", "etcdAPICall": "2m0s", "kubeletHealthCheck": "4m0s",
            "kubernetesAPICall": "1m0s", "tlsBootstrap": "5m0s", "upgradeManifests": "5m0s"}


def _components(flags: Values) -> None:
    if flags["component-configs"]:
        raise KubeadmError(f"unknown component config kind: {flags['component-configs'][0]}")


FLAGS = (Flag("component-configs", (), "A comma-separated list for component config API objects to print the default values for. "
              "Available values: [KubeProxyConfiguration KubeletConfiguration]. If this flag is not set, no component configs will be "
              "printed.", modelled=False),)
COMMANDS = (
    Command("config print", "Print configuration", since=(1, 12)),
    Command("config print init-defaults", "Print default init configuration, that can be used for 'kubeadm init'", init_defaults, FLAGS,
            since=(1, 13)),
    Command("config print join-defaults", "Print default join configuration, that can be used for 'kubeadm join'", join_defaults, FLAGS,
            since=(1, 13)),
)

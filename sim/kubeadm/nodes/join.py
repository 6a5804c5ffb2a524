"""kubeadm join: makes this machine a node of a cluster that it comes to trust.

Models: cmd/kubeadm/app/cmd/join.go, cmd/phases/join. Left out: further control planes, discovery files, single phases.
"""

from __future__ import annotations

import base64

import yaml

from sim.api import documents, objects
from sim.api.client import WHOEVER, Key, Object, Request
from sim.api.errors import StatusError, TransportError
from sim.components.tokens import SHAPE
from sim.engine import Steps
from sim.kubeadm.frame.command import Command, Flag, Values
from sim.kubeadm.frame.session import KUBELET_CONF, KubeadmError, Session
from sim.kubeadm.nodes import copycerts, discovery, health, planes, preflight
from sim.kubeadm.nodes.discovery import Found
from sim.kubeadm.nodes.plan import Plan
from sim.kubeadm.phases import config as configs
from sim.kubeadm.phases import kubelet

BOOTSTRAP = "/etc/kubernetes/bootstrap-kubelet.conf"
CA = "/etc/kubernetes/pki/ca.crt"
TLS_PATIENCE_SECONDS = 300.0
DONE = """
This node has joined the cluster:
* Certificate signing request was sent to apiserver and a response was received.
* The Kubelet was informed of the new secure connection details.

Run 'kubectl get nodes' on the control-plane to see this node join the cluster.
"""

def run(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Join a cluster. Raises KubeadmError."""
    address, token, hashes, unsafe = _asked(session, flags, words)
    plane = flags["control-plane"]
    yield from preflight.check(session, preflight.join_checks(session, plane=plane), flags["ignore-preflight-errors"])
    yield from _phase("preflight", found := _Holder(), _discover(session, found, address, token, hashes, unsafe))
    plan = Plan(found.config, flags["apiserver-advertise-address"] or session.host.address)
    if plane:
        session.out("[preflight] Running pre-flight checks before initializing the new control plane instance")
        yield from _phase("control-plane-prepare", found, _prepare(session, found, plan, flags["certificate-key"]))
        session.out("[check-etcd] Checking that the etcd cluster is healthy")
    yield from _phase("kubelet-start", found, _start_kubelet(session, found.found, token))
    yield from _annotate(session)
    if plane:
        yield from _phase("etcd-join", found, planes.join_etcd(session, plan))
        yield from _phase("control-plane-join", found, planes.finish(session, plan))
    session.out(planes.DONE if plane else DONE)


class _Holder:
    """What the phases of one run hand on."""

    found: Found
    config: configs.Configuration


def _phase(name: str, _: _Holder, steps: Steps[None]) -> Steps[None]:
    try:
        yield from steps
    except KubeadmError as error:
        raise error.wrap(f"error execution phase {name}") from None


def _discover(
    session: Session, holder: _Holder, address: str, token: str, hashes: tuple[str, ...], unsafe: bool  # noqa: FBT001
) -> Steps[None]:
    holder.found = yield from discovery.discover(session, address, token, hashes, unsafe=unsafe)
    holder.config = yield from _read_config(session, holder.found)


def _prepare(session: Session, holder: _Holder, plan: Plan, key: str) -> Steps[None]:
    """Get the shared certificates and make what a control plane needs. Raises KubeadmError."""
    if key:
        secret = yield from _ask(session, holder.found, copycerts.SECRET)
        copycerts.download(session, secret, key)
    planes.check(session, plan)
    yield from planes.prepare(session, plan)


def _asked(session: Session, flags: Values, words: list[str]) -> tuple[str, str, tuple[str, ...], bool]:
    """Give address, token, hashes and whether no hash is wanted, of the line or a configuration file. Raises KubeadmError."""
    token = flags["token"] or flags["discovery-token"]
    hashes, unsafe, address = flags["discovery-token-ca-cert-hash"], flags["discovery-token-unsafe-skip-ca-verification"], ""
    if words:
        address = words[0]
    if flags["config"]:
        token, hashes, unsafe, address = _of_file(session, flags["config"])
    if not address and not flags["discovery-file"]:
        raise KubeadmError("discovery: Invalid value: \"\": bootstrapToken or file must be set" if session.minor >= (1, 13) else
                           "no discovery method")
    if not token:
        raise KubeadmError('discovery.bootstrapToken.token: Invalid value: "": the bootstrap token is invalid')
    if not SHAPE.fullmatch(token):
        raise KubeadmError(f'[discovery.bootstrapToken.token: Invalid value: "{token}": the bootstrap token is invalid, '
                           f'discovery.tlsBootstrapToken: Invalid value: "{token}": the bootstrap token is invalid]')
    if not hashes and not unsafe:
        raise KubeadmError('discovery.bootstrapToken.caCertHashes: Invalid value: "": using token-based discovery without '
                           "caCertHashes can be unsafe. Set unsafeSkipCAVerification as true in your kubeadm config file or pass "
                           "--discovery-token-unsafe-skip-ca-verification flag to continue")
    return address, token, tuple(hashes), bool(unsafe)


def _of_file(session: Session, path: str) -> tuple[str, tuple[str, ...], bool, str]:
    try:
        read = list(yaml.safe_load_all(session.files.read(session.path(path))))
        found = next(each for each in read if isinstance(each, dict) and each.get("kind") == "JoinConfiguration")
        row = found["discovery"]["bootstrapToken"]
        return (str(row["token"]), tuple(map(str, row.get("caCertHashes") or ())), bool(row.get("unsafeSkipCAVerification")),
                str(row["apiServerEndpoint"]))
    except OSError as error:
        raise KubeadmError(f"unable to read config from \"{path}\": open {path}: {str(error).lower()}") from None
    except (StopIteration, KeyError, TypeError, yaml.YAMLError):
        raise KubeadmError('no JoinConfiguration found in config file "' + path + '"') from None


def _ask(session: Session, found: Found, key: Key) -> Steps[Object | None]:
    yield from session.pause(0.02)
    try:
        return found.connection.handle(Request("get", key, user=WHOEVER, agent="kubeadm")).body  # type: ignore[no-any-return]
    except StatusError as error:
        if error.code == 404:
            return None
        raise KubeadmError(error.message) from None
    except TransportError as error:
        raise KubeadmError(error.message) from None


def _read_config(session: Session, found: Found) -> Steps[configs.Configuration]:
    session.say("config.reading", phase="preflight")
    there = yield from _ask(session, found, configs.CONFIG_MAP)
    if there is None:
        raise KubeadmError('unable to fetch the kubeadm-config ConfigMap: failed to get config map: configmaps "kubeadm-config" not '
                           "found")
    session.say("config.look", phase="preflight")
    return configs.read(there)


def _start_kubelet(session: Session, found: Found, token: str) -> Steps[None]:
    name = session.host.name
    node = yield from _ask(session, found, Key("nodes", "", name))
    if node is not None and objects.condition_status(node, "Ready") == "True":
        raise KubeadmError(f'a Node with name "{name}" and status "Ready" already exists in the cluster. You must delete the existing '
                           "Node or change the name of this new joining Node")
    settings = yield from _ask(session, found, kubelet.config_map_key(session.minor))
    config = configs.read((yield from _ask(session, found, configs.CONFIG_MAP)) or {})
    root = session.files
    for folder in ("/etc/kubernetes/pki", "/etc/kubernetes/manifests", "/var/lib/kubelet/pki"):
        root.make_dir(folder, parents=True)
    root.write(BOOTSTRAP, bootstrap_kubeconfig(found.server, found.authority, token))
    root.chmod(BOOTSTRAP, 0o600)
    if not root.exists(CA):
        root.write(CA, found.authority)
    unit = session.host.unit("kubelet")
    if unit is None:
        raise KubeadmError("kubelet.service does not exist")
    if unit.running:
        unit.stop()
    yield from write_kubelet(session, settings, config)
    yield from health.start_kubelet(session)
    session.out("[kubelet-start] Waiting for the kubelet to perform the TLS Bootstrap" + ("" if session.minor >= (1, 31) else "..."))

    def bootstrapped() -> Steps[bool]:
        yield from session.pause(0.0)
        return root.exists(KUBELET_CONF)

    if not (yield from session.until(TLS_PATIENCE_SECONDS, bootstrapped, 0.5)):
        raise KubeadmError("timed out waiting for the condition" if session.minor < (1, 31) else
                           "failed while waiting for TLS bootstrap: context deadline exceeded")
    root.remove(BOOTSTRAP)


def bootstrap_kubeconfig(server: str, authority: bytes, token: str) -> bytes:
    """Write the kubeconfig with which a kubelet asks for its certificate."""
    return documents.dump({
        "apiVersion": "v1", "clusters": [{"cluster": {
            "certificate-authority-data": base64.b64encode(authority).decode(), "server": server}, "name": "kubernetes"}],
        "contexts": [{"context": {"cluster": "kubernetes", "user": "tls-bootstrap-token-user"},
                      "name": "tls-bootstrap-token-user@kubernetes"}],
        "current-context": "tls-bootstrap-token-user@kubernetes", "kind": "Config", "preferences": {},
        "users": [{"name": "tls-bootstrap-token-user", "user": {"token": token}}]}).encode()


def write_kubelet(session: Session, settings: Object | None, config: configs.Configuration) -> Steps[None]:
    """Write the kubelet's configuration and flags, in the order of this version."""
    yield from session.pause(0.1)
    lines = ['[kubelet-start] Writing kubelet configuration to file "/var/lib/kubelet/config.yaml"',
             '[kubelet-start] Writing kubelet environment file with flags to file "/var/lib/kubelet/kubeadm-flags.env"']
    for line in lines:
        session.out(line)
    session.files.write(kubelet.CONFIG_FILE, kubelet.config_file(settings))
    session.files.write(kubelet.FLAGS_FILE, kubelet.flags_file(config))


def _annotate(session: Session) -> Steps[None]:
    """Wait until the node is there, and note its runtime's socket."""
    session.connect(KUBELET_CONF)
    key = Key("nodes", "", session.host.name)

    def there() -> Steps[bool]:
        return (yield from session.get(key)) is not None

    yield from session.until(TLS_PATIENCE_SECONDS, there, 0.5)
    try:
        yield from session.send("patch", key, body={"metadata": {"annotations": {
            "kubeadm.alpha.kubernetes.io/cri-socket": kubelet.SOCKET}}}, query={"patchType": "merge"}, because="kubeadm join")
    except (StatusError, TransportError):
        return


COMMANDS = (
    Command("join", "Run this on any machine you wish to join an existing cluster", run, (
        Flag("apiserver-advertise-address", "", "If the node should host a new control plane instance, the IP address the API Server "
             "will advertise it's listening on. If not set the default network interface will be used."),
        Flag("apiserver-bind-port", "6443", "If the node should host a new control plane instance, the port for the API Server to "
             "bind to.", hint="int32", modelled=False),
        Flag("certificate-key", "", "Use this key to decrypt the certificate secrets uploaded by init."),
        Flag("config", "", "Path to a kubeadm configuration file."),
        Flag("control-plane", False, "Create a new control plane instance on this node"),
        Flag("cri-socket", "", "Path to the CRI socket to connect."),
        Flag("discovery-file", "", "For file-based discovery, a file or URL from which to load cluster information.", modelled=False),
        Flag("discovery-token", "", "For token-based discovery, the token used to validate cluster information fetched from the API "
             "server."),
        Flag("discovery-token-ca-cert-hash", (), "For token-based discovery, validate that the root CA public key matches this hash "
             '(format: "<type>:<value>").'),
        Flag("discovery-token-unsafe-skip-ca-verification", False, "For token-based discovery, allow joining without "
             "--discovery-token-ca-cert-hash pinning."),
        Flag("dry-run", False, "Don't apply any changes; just output what would be done.", modelled=False),
        Flag("ignore-preflight-errors", (), "A list of checks whose errors will be shown as warnings. Example: "
             "'IsPrivilegedUser,Swap'. Value 'all' ignores errors from all checks."),
        Flag("node-name", "", "Specify the node name.", modelled=False),
        Flag("patches", "", "Path to a directory that contains files named \"target[suffix][+patchtype].extension\".", modelled=False),
        Flag("skip-phases", (), "List of phases to be skipped", modelled=False),
        Flag("tls-bootstrap-token", "", "Specify the token used to temporarily authenticate with the Kubernetes Control Plane while "
             "joining the node.", modelled=False),
        Flag("token", "", "Use this token for both discovery-token and tls-bootstrap-token when those values are not provided.")),
        arguments="[api-server-endpoint]", most=1),
)

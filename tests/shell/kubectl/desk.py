"""A host with kubectl and an API server beside it, nothing else: no controllers, no kubelets, no waiting for a cluster."""
from sim.api.client import Client, Key
from sim.api.errors import StatusError
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.engine import Engine, microseconds
from sim.etcd.store import Store
from sim.host.network import Network
from sim.shell.login import Terminal
from sim.shell.system import basic as _system_tools

assert _system_tools
KUBECONFIG = """apiVersion: v1
kind: Config
clusters:
- {name: kubernetes, cluster: {server: "https://127.0.0.1:6443"}}
contexts:
- {name: kubernetes-admin@kubernetes, context: {cluster: kubernetes, user: kubernetes-admin}}
current-context: kubernetes-admin@kubernetes
users:
- {name: kubernetes-admin, user: {}}
"""
HOUR_US = microseconds(3600)


class Desk:
    """kubectl of a version, an empty cluster, and every request that was sent."""

    def __init__(self, version="1.36.2"):
        self.engine = Engine()
        self.store = Store(self.engine, INDEXES)
        self.server = ApiServer(self.engine, self.store, version=version)
        self.client = Client(self.server, self.server.reader, agent="test")
        self.requests = []
        self.answers = []
        network = Network(self.engine)
        self.host = network.add("controlplane", "172.30.1.2")
        files = self.host.files.view()
        files.write("/usr/bin/kubectl", f"#!simulated kubectl v{version}\n".encode())
        files.chmod("/usr/bin/kubectl", 0o755)
        files.make_dir("/root/.kube", parents=True)
        files.write("/root/.kube/config", KUBECONFIG.encode())
        self.files = files
        network.listen(self.host, 6443, self)
        self.network = network
        self.terminal = Terminal(network.hosts, "controlplane")
        for name in ("default", "kube-system"):
            self.client.create("namespaces", {"metadata": {"name": name}})

    def handle(self, request):
        """Be the server: note the request, let a test's own answer go first; what is evicted is gone at once."""
        self.requests.append(request)
        for answer in self.answers:
            if (found := answer(request)) is not None:
                return found
        response = self.server.handle(request)
        going = request.subresource == "eviction" or (request.verb == "delete" and request.key.resource == "pods")
        if going and not request.query.get("dryRun") and self.store.get(request.key) is not None:
            self.store.commit(request.key, None)
        return response

    def run(self, line, limit_us=HOUR_US):
        """Type a line; gives (status, stdout, stderr), status None when it still runs after the limit."""
        out = {"stdout": b"", "stderr": b""}

        def sink(data, stream):
            out[stream] += data

        job = self.terminal.submit(line, sink)
        self.engine.advance(self.engine.now_us + limit_us, stop=lambda: job.status is not None)
        self.terminal.check()
        return job.status, out["stdout"].decode(), out["stderr"].decode()

    def sent(self, verb, resource, subresource=""):
        """Give the requests of a kind that were sent."""
        return [r for r in self.requests if (r.verb, r.key.resource, r.subresource) == (verb, resource, subresource)]

    def put(self, resource, obj):
        """Store an object as it is, whatever the server would say."""
        metadata = {"namespace": "default", **obj["metadata"]}
        if resource == "nodes":
            metadata.pop("namespace")
        self.store.commit(Key(resource, metadata.get("namespace", ""), metadata["name"]), {**obj, "metadata": metadata})


def failing(status, *kinds):
    """Make an answer that refuses requests of the kinds (verb, resource, subresource)."""
    def answer(request):
        if (request.verb, request.key.resource, request.subresource) in kinds:
            raise StatusError(*status)
    return answer

"""A cluster for one case: the simulator's own API server over an empty store, and objects put there as they are."""

from sim.api import objects, times
from sim.api.client import Client, Key
from sim.apiserver.resources import INDEXES, RESOURCES
from sim.apiserver.server import ApiServer
from sim.engine import Engine, microseconds
from sim.etcd.store import Store

BY_KIND = {row.kind: row for row in RESOURCES.values()}


class World:
    def __init__(self, version="1.36.2"):
        self.engine = Engine()
        self.store = Store(self.engine, INDEXES, detect_mutation=True)
        self.server = ApiServer(self.engine, self.store, version=version)
        self.client = Client(self.server, self.server.reader, agent="test")
        for name in ("default", "kube-node-lease"):
            self.client.create("namespaces", {"metadata": {"name": name}})

    def stamp(self, seconds=0):
        """Write a moment, in seconds from now, as a stamp."""
        return times.stamp(self.engine.unix_us + microseconds(seconds))

    def put(self, kind, name, *, namespace="default", created_s=0, **parts):
        """Store an object as it is: no defaults, no validation. parts: metadata, spec, status and the like."""
        row = BY_KIND[kind]
        space = namespace if row.namespaced else ""
        metadata = {"name": name, "uid": f"uid-{kind}-{name}", "creationTimestamp": self.stamp(created_s),
                    **({"namespace": space} if space else {}), **parts.pop("metadata", {})}
        key = Key(row.resource, space, name)
        self.store.commit(key, {"apiVersion": row.api_version, "kind": kind, "metadata": metadata, **parts})
        return key

    def get(self, key):
        return self.store.get(key)

    def change(self, key, path, value):
        """Write one field."""
        self.store.commit(key, objects.put(self.store.get(key), path, value))

    def run(self, seconds):
        self.engine.advance(self.engine.now_us + microseconds(seconds))

    def events(self):
        return self.store.list("events")


def check_words(given, expect, given_words, expect_words):
    """Fail with the name of a word that the adapter does not know."""
    for unknown in [*(set(given) - given_words - {"op"}), *(set(expect) - expect_words - {"detail"})]:
        raise KeyError(f"the adapter does not know the word {unknown}")


def differences(actual, expect):
    """Give what differs, word by word; words that expect leaves out are not judged."""
    return [f"{word}: {actual[word]!r}, should be {expect[word]!r}" for word in actual
            if word in expect and actual[word] != expect[word]]

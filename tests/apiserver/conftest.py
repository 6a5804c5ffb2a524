import pytest

from sim.api.client import Client
from sim.apiserver.resources import INDEXES
from sim.apiserver.server import ApiServer
from sim.engine import Engine
from sim.etcd.store import Store


@pytest.fixture
def server():
    engine = Engine(seed=1)
    store = Store(engine, INDEXES, detect_mutation=True)
    server = ApiServer(engine, store, version="1.33.1")
    Client(server, server.reader, agent="test").create("namespaces", {"metadata": {"name": "default"}})
    yield server
    store.verify_unchanged()


@pytest.fixture
def client(server):
    return Client(server, server.reader, agent="test")

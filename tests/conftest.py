"""For all tests: nobody may change an object after its commit (client-go's mutation detector)."""

import pytest

from sim.etcd.store import Store


@pytest.fixture(autouse=True)
def mutation_detector(monkeypatch):
    made = []
    build = Store.__init__

    def watched(self, *args, **options):
        if "detect_mutation" not in options:
            made.append(self)
        build(self, *args, **{"detect_mutation": True, **options})

    monkeypatch.setattr(Store, "__init__", watched)
    yield
    for store in made:
        store.verify_unchanged()

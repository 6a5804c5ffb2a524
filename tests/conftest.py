"""For all tests: nobody may change an object after its commit (client-go's mutation detector).

Hypothesis draws the same examples on every push, so that a push is judged by its own change;
HYPOTHESIS_PROFILE=nightly draws new ones.
"""

import os

import pytest
from hypothesis import settings

from sim.api.validation import Faults
from sim.apiserver import decode
from sim.apiserver.kinds import podspec
from sim.apiserver.verbs import create
from sim.etcd.store import Store

settings.register_profile("push", derandomize=True, database=None, deadline=None)
settings.register_profile("nightly", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "push"))


@pytest.fixture(autouse=True)
def canonical_by_proof(monkeypatch):
    """Who says that a body is canonical must be right: it is read all the same, and comes out as it went in."""
    body = decode.body

    def proved(row, request, minor, old=None):
        if 0 < request.canonical <= minor:
            assert decode.body_read(row, request, minor, old) == (request.body, ()), request
        return body(row, request, minor, old)

    is_sound = create.is_sound

    def proved_sound(request, like):
        if is_sound(request, like):
            faults, spec = Faults(), request.body["spec"]
            podspec.validate(spec, "spec", faults)
            assert not faults and podspec.default(spec) == spec, request
            return True
        return False

    monkeypatch.setattr(decode, "body", proved)
    monkeypatch.setattr(create, "is_sound", proved_sound)


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

"""curl and wget fetch what the outside world has on the simulated day."""

import datetime

import pytest

from sim.host.packages.repositories import Mirrors
from sim.host.web import pages
from sim.shell.system.web import request

DAY = datetime.date(2023, 2, 1)


def page(url, day=DAY, mirrors=None):
    found = pages.get(mirrors or Mirrors(), url, day)
    while isinstance(found, pages.Page) and found.location:
        found = pages.get(mirrors or Mirrors(), found.location, day)
    return found


def test_a_release_is_there_from_its_day_on():
    url = "https://dl.k8s.io/release/v1.26.1/bin/linux/amd64/kubeadm"
    assert page(url).body == b"#!simulated kubeadm v1.26.1\n"
    assert page(url, datetime.date(2022, 12, 20)).status == 404
    assert page("https://dl.k8s.io/release/stable-1.25.txt").body == b"v1.25.6"


def test_a_digest_is_that_of_the_file():
    import hashlib
    url = "https://dl.k8s.io/v1.26.0/bin/linux/amd64/kubectl"
    assert page(f"{url}.sha256").body.decode() == hashlib.sha256(page(url).body).hexdigest()


@pytest.mark.parametrize(("url", "want"), [
    ("https://pkgs.k8s.io/core:/stable:/v1.99/deb/Release.key", 403), ("https://apt.kubernetes.io/x", 404)])
def test_what_is_not_there(url, want):
    assert page(url).status == want


def test_names_that_nobody_owns_do_not_resolve_and_others_are_not_simulated():
    assert page("https://nosuch.example.net/x") == "unresolved" and page("https://nginx.org/keys") == pages.UNKNOWN
    assert page("https://dl.k8s.io/release/stable.txt", mirrors=Mirrors(down={"dl.k8s.io": None})) == "refused"


def test_addresses_are_read():
    assert request.read("localhost:6443/healthz") == request.Address("http", "localhost", 6443, "/healthz")
    assert request.read("https://a.b/c?d=1").text == "https://a.b/c?d=1" and request.read("https://") is None

"""Packages put programs on a host, and a running kubelet is the one that was installed when it started."""

import datetime

import pytest
from hypothesis import given, strategies as st

from sim.engine import Engine
from sim.host.network import Network
from sim.host.packages import kubernetes, sources
from sim.host.packages.cache import Cache
from sim.host.packages.database import CONFIG_FILES
from sim.host.packages.debian import compare, dependencies
from sim.host.packages.sources import SourceError
from sim.lab.install import files, packages
from sim.lab.install.spec import ClusterSpec


def host_of(version="1.25.0", epoch="2023-02-01"):
    day = datetime.datetime.fromisoformat(f"{epoch}T00:00:00+00:00")
    network = Network(Engine(seed=1, epoch_s=int(day.timestamp())))
    host = network.add("controlplane", "172.30.1.2")
    files.base(host, version)
    files.node(host, version, ClusterSpec(), "https://172.30.1.2:6443")
    return host


@pytest.mark.parametrize(("low", "high"), [
    ("1.26.0-00", "1.26.1-00"), ("1.29.9-1.1", "1.29.15-1.1"), ("1.29.3-1.1", "1.29.4-2.1"), ("1.0~rc1-1", "1.0-1"),
    ("9:1", "10:0"), ("1.7.27-0ubuntu1~22.04.1", "1.7.27-0ubuntu1"), ("1.2", "1.2a"), ("1.2.3", "1.2.3+b1")])
def test_versions_are_ordered_as_dpkg_orders_them(low, high):
    assert compare(low, high) < 0 < compare(high, low)


@given(st.text("0123456789.~+-ab", max_size=8), st.text("0123456789.~+-ab", max_size=8))
def test_order_of_versions_is_antisymmetric(one, other):
    assert (compare(one, other) > 0) == (compare(other, one) < 0)
    assert compare(one, one) == 0


def test_dependencies_are_read():
    found = dependencies("kubelet (>= 1.19.0), debconf (>= 0.5) | debconf-2.0, mount")
    assert [[str(each) for each in alternatives] for alternatives in found] == [
        ["kubelet (>= 1.19.0)"], ["debconf (>= 0.5)", "debconf-2.0"], ["mount"]]
    with pytest.raises(ValueError):
        dependencies("kubelet (~ 1)")


def test_a_new_host_has_what_the_documents_install():
    host = host_of()
    assert host.packages.version("kubeadm") == "1.25.0-00" and host.packages.held() == ["kubeadm", "kubectl", "kubelet"]
    assert host.version_of("/usr/bin/kubelet") == "1.25.0" and host.packages.get("kubernetes-cni").auto
    assert host_of("1.33.1", "2025-06-10").packages.version("kubeadm") == "1.33.1-1.1"


def test_a_legacy_repository_offers_all_minors_and_a_community_one_its_own():
    old = Cache(host_of("1.25.0", "2023-02-01"))
    assert {row.package.version.rpartition(".")[0] for row in old.versions("kubeadm")} >= {"1.10", "1.25", "1.26"}
    new = Cache(host_of("1.33.1", "2025-06-10"))
    assert [row.package.version for row in new.versions("kubeadm")] == ["1.33.1-1.1", "1.33.0-1.1"]


def test_an_edited_list_shows_nothing_until_it_is_fetched():
    host = host_of("1.33.1", "2025-10-01")
    view = host.files.view()
    view.write(packages.KUBERNETES_LIST, view.read(packages.KUBERNETES_LIST).replace(b"v1.33", b"v1.34"))
    assert [row.installed for row in Cache(host).versions("kubeadm")] == [True]


def test_files_come_and_go_with_their_package():
    host = host_of()
    view, database = host.files.view(), host.packages
    database.unpack(kubernetes.package("kubeadm", "1.26.0-00", kubernetes.LEGACY))
    assert database.get("kubeadm").state == "unpacked" and host.version_of("/usr/bin/kubeadm") == "1.26.0"
    assert database.configure("kubeadm") == [] and database.get("kubeadm").state == "installed"
    assert database.get("kubeadm").held
    database.remove("kubeadm")
    assert not view.exists("/usr/bin/kubeadm") and view.exists(kubernetes.DROP_INS[kubernetes.LEGACY])
    assert database.get("kubeadm") is None and database.entry("kubeadm").state == CONFIG_FILES
    database.purge("kubeadm")
    assert not view.exists(kubernetes.DROP_INS[kubernetes.LEGACY]) and database.entry("kubeadm") is None


def test_a_changed_configuration_file_is_asked_about():
    host = host_of()
    path = kubernetes.DROP_INS[kubernetes.LEGACY]
    package = kubernetes.package("kubeadm", "1.26.0-00", kubernetes.LEGACY)
    entry = host.packages.entry("kubeadm")
    entry.digests[path] = "what an older package shipped"
    host.files.view().append(path, b"# mine\n")
    host.packages.unpack(package)
    assert [each.path for each in host.packages.questions("kubeadm")] == [path]
    host.packages.configure("kubeadm", frozenset((path,)))
    assert host.files.view().read(path).endswith(b"# mine\n") and host.files.view().exists(f"{path}.dpkg-dist")


@pytest.mark.parametrize(("line", "said"), [
    ("debb https://pkgs.k8s.io/x/ /", "Type 'debb' is not known on line 1 in source list /etc/apt/sources.list.d/x.list"),
    ("deb https://pkgs.k8s.io/x/", "Malformed entry 1 in list file /etc/apt/sources.list.d/x.list (Suite)"),
    ("deb https://apt.kubernetes.io/ kubernetes-xenial", "Malformed entry 1 in list file /etc/apt/sources.list.d/x.list (Component)"),
    ("deb pkgs.k8s.io /", "Malformed entry 1 in list file /etc/apt/sources.list.d/x.list (URI parse)")])
def test_lists_that_cannot_be_read(line, said):
    host = host_of()
    host.files.install(f"{sources.FOLDER}/x.list", f"{line}\n".encode())
    with pytest.raises(SourceError, match="^" + said.replace("(", r"\(").replace(")", r"\)")):
        sources.read(host.files.view())

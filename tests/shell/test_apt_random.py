"""Whatever is typed at apt and dpkg, the host's packages stay whole: needs met, files there, holds kept."""

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from sim.host.packages.cache import Cache
from sim.host.packages.resolver import Resolver
from tests.shell.desk import Desk

NAMES = st.sampled_from(["kubeadm", "kubelet", "kubectl", "kubernetes-cni", "cri-tools", "jq", "nfs-common", "docker.io"])
VERSIONS = st.sampled_from(["", "=1.25.3-00", "=1.26.0-00", "=1.26.1-00", "=1.24.0-00", "=1.1.1-00", "=9.9", "='1.26.*'"])
CHANGES = st.builds(
    lambda verb, options, wanted: f"apt-get {verb} -y {' '.join(options)} {' '.join(name + version for name, version in wanted)}",
    st.sampled_from(["install", "install", "install", "remove", "purge"]),
    st.lists(st.sampled_from(["--allow-downgrades", "--reinstall", "--only-upgrade", "-q"]), max_size=2),
    st.lists(st.tuples(NAMES, VERSIONS), min_size=1, max_size=3))
LINES = st.one_of(
    CHANGES, st.builds("apt-mark {} {}".format, st.sampled_from(["hold", "unhold"]), NAMES),
    st.sampled_from(["apt-get upgrade -y", "apt-get dist-upgrade -y", "apt-get autoremove -y", "apt-get -f install -y", "dpkg --configure -a"]),
    st.builds("dpkg {} {}".format, st.sampled_from(["-r", "-P"]), NAMES))


@pytest.mark.slow
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(LINES, min_size=3, max_size=10))
def test_packages_stay_whole(lines):
    desk = Desk()
    database = desk.host.packages
    for line in lines:
        held = {name: database.version(name) for name in database.held()}
        text, status = desk.type(line)
        assert status in (0, 1, 100), (line, text)
        if line.startswith("apt"):
            assert all(database.version(name) == version for name, version in held.items()), (line, text)
        assert not Resolver(Cache(desk.host)).broken(), (lines, line, text)
        assert not database.unfinished() and not database.interrupted and database.lock_holder is None
        for name in ("kubeadm", "kubelet", "kubectl"):
            assert desk.host.files.view().exists(f"/usr/bin/{name}") == (database.get(name) is not None)
            if entry := database.get(name):
                assert desk.host.version_of(f"/usr/bin/{name}") == entry.package.upstream

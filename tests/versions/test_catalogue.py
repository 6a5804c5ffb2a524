"""The version catalogue: dates, support windows, images and defaults by version."""

import datetime

import pytest

from sim.versions import catalogue, defaults
from sim.versions.catalogue import Version, VersionError

MASTER, PLANE = "node-role.kubernetes.io/master", "node-role.kubernetes.io/control-plane"


def test_versions_are_ordered_as_semantic_versions():
    texts = ["1.9.11", "1.10.0-alpha.2", "1.10.0-alpha.10", "1.10.0-beta.0", "1.10.0-rc.1", "1.10.0", "1.10.1", "1.33.0"]
    assert sorted(reversed(texts), key=Version.parse) == texts
    assert [str(Version.parse("v" + text)) for text in texts] == texts


@pytest.mark.parametrize("text", ["", "1", "latest", "1.33.1.2", "1.x", "vv1.2.3"])
def test_what_is_no_version_is_an_error(text):
    with pytest.raises(VersionError, match="not a version"):
        Version.parse(text)


@pytest.mark.parametrize(("version", "etcd", "coredns", "pause"), [
    ("1.36.2", "3.6.8-0", "v1.14.2", "3.10.2"), ("1.33.1", "3.5.21-0", "v1.12.0", "3.10"),
    ("1.33.6", "3.5.24-0", "v1.12.0", "3.10"), ("1.20.0", "3.4.13-0", "1.7.0", "3.2")])
def test_images_move_inside_a_minor(version, etcd, coredns, pause):
    assert catalogue.images(version) == (etcd, coredns, pause, True)


def test_a_patch_with_unknown_images_takes_the_nearest_and_says_so():
    assert not catalogue.images("1.36.4").verified


def test_support_windows():
    assert [row.name for row in catalogue.supported(datetime.date(2025, 6, 10))] == ["1.33", "1.32", "1.31", "1.30"]
    assert str(catalogue.minors()["1.33"].latest(datetime.date(2025, 6, 10))) == "1.33.1"
    with pytest.raises(VersionError, match="was not released on"):
        catalogue.minors()["1.36"].latest(datetime.date(2025, 6, 10))


def test_every_minor_has_patches_in_order_of_time_and_ends_after_its_first_day():
    for row in catalogue.minors().values():
        assert row.released < row.end_of_life, row.name
        assert list(row.patches) == sorted(row.patches), row.name
        for image in row.images:
            assert 0 <= image[0] < len(row.patches), row.name


def test_unknown_versions_name_what_is_known():
    with pytest.raises(VersionError, match=r"1\.33 ends at 1\.33\.13"):
        catalogue.release_date("1.33.99")
    with pytest.raises(VersionError, match=r"1\.10 to 1\.36"):
        catalogue.images("1.99.0")


@pytest.mark.parametrize(("version", "grace", "labels", "taints"), [
    ("1.19.3", 40, (MASTER,), (MASTER,)), ("1.20.0", 40, (PLANE, MASTER), (MASTER,)),
    ("1.24.2", 40, (PLANE,), (MASTER, PLANE)), ("1.31.14", 40, (PLANE,), (PLANE,)), ("1.32.0", 50, (PLANE,), (PLANE,))])
def test_defaults_by_version(version, grace, labels, taints):
    assert defaults.number("node-monitor-grace-period", version) == grace
    assert defaults.names("control-plane-labels", version) == labels
    assert defaults.names("control-plane-taints", version) == taints


def test_a_default_may_change_in_a_patch():
    assert "untolerated taint {" in defaults.text("taint-filter-message", "1.34.1")
    assert defaults.text("taint-filter-message", "1.34.2") == "node(s) had untolerated taint(s)"


def test_every_default_has_a_source_and_gates_have_stages():
    for name in defaults.known():
        assert all(defaults.source(name)), name
    assert defaults.gate("TaintBasedEvictions", "1.12.1") == ("Alpha", False, False)
    assert defaults.gate("TaintBasedEvictions", "1.33.1").stage == "removed"
    assert defaults.gate("TaintBasedEvictions", "1.5.0") is None

"""Upgrade paths and the skew report, as the command line shows them."""

import json

import pytest
from click.testing import CliRunner

from sim.cli import cli
from sim.versions import labels
from sim.versions.catalogue import VersionError
from sim.versions.report import path_report, skew_report

DAY = "2025-06-10"


def steps(old, new, **options):
    found = path_report(old, new, DAY, fewest_drains=False, **options) if not options else path_report(old, new, DAY, **options)
    return [(step["component"].split(",")[0], step["old"], step["new"]) for step in found["steps"]]


def test_every_minor_whole_and_in_order():
    parts = ["kube-apiserver", "kube-controller-manager", "kubelet", "kube-proxy"]
    assert steps("1.31.9", "1.33.1") == [
        *((part, "1.31.9", "1.32.5") for part in parts), *((part, "1.32.5", "1.33.1") for part in parts)]


def test_kubelets_may_lag_three_minors():
    found = steps("1.30", "stable", fewest_drains=True)
    assert [step for step in found if step[0] == "kubelet"] == [("kubelet", "1.30.13", "1.33.1")]
    assert [step[2] for step in found if step[0] == "kube-apiserver"] == ["1.31.9", "1.32.5", "1.33.1"]


def test_old_kubelets_may_lag_two_only():
    found = path_report("1.21.14", "1.24.17", "2023-09-01", fewest_drains=True)["steps"]
    assert len([step for step in found if step["component"] == "kubelet"]) == 2


def test_the_direct_jump_is_refused_with_its_reason():
    assert path_report("1.30.2", "1.33.1", DAY, fewest_drains=False)["refused"] == (
        "kube-apiserver may not skip minors: 1.30 to 1.33 goes over 2")


@pytest.mark.parametrize(("old", "new", "why"), [
    ("1.33.1", "1.30.0", "no way back"), ("1.33.1", "1.99.0", "not in the version catalogue"), ("x", "1.33", "doesn't match")])
def test_ways_that_are_none(old, new, why):
    with pytest.raises(VersionError, match=why):
        path_report(old, new, DAY, fewest_drains=False)


def test_labels_of_a_day():
    known = labels.published(__import__("datetime").date(2025, 6, 10))
    assert (known["stable"], known["stable-1.31"]) == ("v1.33.1", "v1.31.9")


def test_skew_of_a_file(tmp_path):
    file = tmp_path / "cluster.yaml"
    file.write_text('kube-apiserver: ["1.33.1"]\nkubelet: {node01: "1.29.3", node02: "1.33.9"}\nkube-proxy: {node01: "1.33.0"}\n')
    assert skew_report(file) == [
        "node01: kubelet 1.29 is 4 minors older than kube-apiserver 1.33; at most 3",
        "node01: kube-proxy 1.33 is 4 minors from kubelet 1.29; at most 3"]


@pytest.mark.parametrize(("text", "why"), [
    ("a: [", "is not YAML"), ("kubelet: '1.33.1'", "no kube-apiserver"), ("kube-apiserver: 1.33", "in quotes"),
    ("- x", "not a map"), ("{kube-apiserver: '1.33.1', etcd: '3.5.1'}", "no such component")])
def test_a_bad_file_is_one_line(tmp_path, text, why):
    file = tmp_path / "cluster.yaml"
    file.write_text(text)
    with pytest.raises(VersionError, match=why):
        skew_report(file)


def test_the_command_line():
    done = CliRunner().invoke(cli, ["path", "1.31.9", "1.33.1", "--date", DAY, "--json"])
    assert done.exit_code == 0 and len(json.loads(done.output)["steps"]) == 8
    listed = json.loads(CliRunner().invoke(cli, ["versions", "--date", DAY, "--json"]).output)
    assert [row["minor"] for row in listed if row["supported"]] == ["1.33", "1.32", "1.31", "1.30"]

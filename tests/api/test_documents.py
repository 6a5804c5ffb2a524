"""libyaml and Python's own YAML agree on everything that a lab reads and writes."""

import pytest
import yaml

from sim.api import documents
from tests.lab_fixtures import lab

FOLDERS = ("/etc/kubernetes", "/etc/kubernetes/manifests", "/var/lib/kubelet", "/root/.kube")


def test_both_write_the_same_files():
    seen = 0
    for host in lab().world.network.hosts.values():
        view = host.files.view()
        for folder in filter(view.is_dir, FOLDERS):
            for path in (f"{folder}/{name}" for name in view.list(folder)):
                if view.is_dir(path) or not isinstance(found := documents.load(view.read(path)), dict):
                    continue
                assert found == yaml.safe_load(view.read(path))
                assert documents.dump(found) == yaml.safe_dump(found, sort_keys=False), path
                seen += 1
    assert seen >= 8


@pytest.mark.parametrize("text", ["a: [", "a: b: c", "\tx", "- a\nb: c", "a: &x [*y]"])
def test_faults_are_told_in_the_same_words(text):
    with pytest.raises(yaml.YAMLError) as fast:
        documents.load(text)
    with pytest.raises(yaml.YAMLError) as slow:
        yaml.safe_load(text)
    assert str(fast.value) == str(slow.value)

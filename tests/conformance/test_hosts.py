"""The core tools against three real hosts: each line of the recorded blocks, its streams and its status."""

import pytest

from tests.conformance.hosts import DATA, RELEASES, compared

BLOCKS = ("files", "fileops", "tar", "ssh", "sudo")
TRUST = "hosts of a lab trust each other's keys from the start; the recorded one had to be taught"
SUDO = "in a lab every user may use sudo without a password; the recorded student may not"
RELEASE = "usage texts are jammy's on every release"
DIFFERENT = {
    'echo "abc': "bash 5.1 says a second line; ours is 5.2",
    "tar tzf /root/b.tgz": "the order of a directory's names on disk; ours is the alphabet",
    "tar czf /nosuch/b.tgz /etc/kubernetes": "newer tar also tells of its broken pipe",
    "awk '{print $1}' nosuch": "newer mawk quotes the name",
    "ssh node01": TRUST, "ssh -o BatchMode=yes node01 hostname": TRUST, "ssh -o StrictHostKeyChecking=no node01 hostname": TRUST,
    "ssh -o UserKnownHostsFile=/dev/null node01 hostname": TRUST, "ssh node01 hostname": TRUST,
    "ssh-keygen -t rsa -b 2048 -N '' -f /root/.ssh/id_rsa -q": TRUST, "ssh-keygen -R node01": TRUST,
    "ssh -o PreferredAuthentications=none -o BatchMode=yes student@node01": TRUST,
    "ssh -o IdentitiesOnly=yes -F /dev/null -i /root/badkey -o BatchMode=yes student@node01 true": TRUST,
    "ssh -o StrictHostKeyChecking=accept-new node01 hostname": TRUST,
    "ssh 198.51.100.7": "the recorded host had no route; a lab's host has a gateway, which drops the packets",
    "scp /etc/hostname node01:/tmp/": "no progress bar is drawn",
    "sudo -n ls /root": SUDO, "sudo -l": SUDO, "sudo apt-get update": SUDO, "sudo ls /root": SUDO,
    "su -c whoami": "the password is asked for on a line of its own", "su - -c whoami": "the terminal's echo of the password",
    "scp": RELEASE, "ssh": RELEASE, "sudo": RELEASE, "sudo --bogus": RELEASE,
}
"""Lines that differ on at least one release, each with the reason."""


@pytest.mark.parametrize("release", RELEASES)
def test_as_the_real_host(release):
    text = (DATA / f"host-{release}.txt").read_text()
    done = list(compared(text, release, lambda block: block.name in BLOCKS))
    wrong = [(step.line, step, got) for _, step, got, same in done if not same and step.line not in DIFFERENT]
    assert not wrong
    core = [same for block, _, _, same in done if block.name in ("files", "fileops", "tar")]
    assert sum(core) >= 0.97 * len(core) > 100

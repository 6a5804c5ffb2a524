"""apt and dpkg against three real hosts: each line of the recorded blocks, its streams and its status."""

import pytest

from tests.conformance.apt import RELEASE_NOISE, compared, same
from tests.conformance.hosts import DATA, MASKS, RELEASES, read

PARTS = "the recorded machine had one folder full, or all read-only; a simulated disk is full as a whole"
SCRIPT = "the recorder's kubelet package had a script that failed"
DEBIAN = "Debian's own nine keys are not all there"
PAGER = "the recorded terminal shows the differences in a pager"
DIFFERENT = {
    ("diskfull", 1): PARTS, ("diskfull", 3): PARTS, **{("diskfull", number): PARTS for number in range(4, 11)},
    ("typos", 24): DEBIAN, ("gpgkey", 7): DEBIAN,
    **{("postinst-fails", number): SCRIPT for number in range(4)}, ("conffile", 5): PAGER,
}
"""(block, number of the step) -> why it differs."""


TIGHT = ("apt-get install kubelet=1.12.7-00 kubernetes-cni=0.7.5-00", "apt-get -s upgrade",
         "apt-get install -s kubelet=1.12.7-00 kubernetes-cni=0.7.5-00")
"""Where two packages need each other's exact versions, apt unpacks the needing one first; and its dpkg was /bin/false."""


@pytest.mark.parametrize("release", ["jammy", *(pytest.param(name, marks=pytest.mark.slow) for name in RELEASES if name != "jammy")])
def test_as_the_real_host(release):
    text = (DATA / f"apt-{release}.txt").read_text()
    numbers: dict[str, int] = {}
    wrong, count = [], 0
    for block, step, got, right in compared(text, release):
        number = numbers[block.name] = numbers.get(block.name, -1) + 1
        count += right
        if not right and (block.name, number) not in DIFFERENT:
            wrong.append((block.name, step, got))
    assert not wrong
    assert count >= 245


def test_what_is_masked():
    """At most 35 % of the recorded lines have anything hidden from the comparison."""
    lines = masked = 0
    for block in read((DATA / "apt-jammy.txt").read_text()):
        for step in block.steps:
            for line in (step.out + step.err).splitlines():
                lines += 1
                masked += same(line, tty=False) != line and "(Reading database" not in line
    assert lines > 1500 and masked <= 0.35 * lines
    assert len(RELEASE_NOISE) < 20 and MASKS


def test_unmet_dependencies_as_a_real_apt_tells_of_them():
    from tests.conformance import unmet

    done = list(unmet.compared())
    wrong = [(step.line, step.out + step.err, got) for step, got, right in done if not right and step.line.strip() not in TIGHT]
    assert not wrong
    assert len(done) >= 45

"""kubeadm certs: check-expiration, renew, certificate-key; up to 1.20 as kubeadm alpha certs.

Models: cmd/kubeadm/app/cmd/certs.go. Left out: generate-csr, --config, external authorities other than by a missing key.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sim.engine import Steps
from sim.kubeadm.certs import make
from sim.kubeadm.certs.table import AUTHORITIES, KUBERNETES, PKI, Leaf, leaves
from sim.kubeadm.frame.command import Command, Flag, Values
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.frame.table import columns
from sim.kubeadm.phases.renew import path_of, renew
from sim.kubeadm.upgrade.checks import read_config
from sim.pki import Certificate

ADMIN = f"{KUBERNETES}/admin.conf"
HEAD = ("CERTIFICATE", "EXPIRES", "RESIDUAL TIME", "CERTIFICATE AUTHORITY", "EXTERNALLY MANAGED")
AUTHORITY_HEAD = ("CERTIFICATE AUTHORITY", "EXPIRES", "RESIDUAL TIME", "EXTERNALLY MANAGED")
NAMED_SINCE = (1, 23)
"""Since then the authority of kubeconfigs is named, too. UNVERIFIED which release was the first."""
DONE = ("\nDone renewing certificates. You must restart the kube-apiserver, kube-controller-manager, kube-scheduler and etcd, so "
        "that they can use the new certificates.")
KEY_BYTES = 32


def residual(seconds: int) -> str:
    """Write a time that is left. Models: apimachinery/pkg/util/duration, ShortHumanDuration."""
    if seconds < 0:
        return "<invalid>" if seconds < -1 else "0s"
    for unit, size, most in (("s", 1, 60), ("m", 60, 3600), ("h", 3600, 86400), ("d", 86400, 86400 * 365)):
        if seconds < most:
            return f"{seconds // size}{unit}"
    return f"{seconds // (86400 * 365)}y"


def _date(unix_s: int) -> str:
    return datetime.fromtimestamp(unix_s, UTC).strftime("%b %d, %Y %H:%M UTC")


def _configured(session: Session, flags: Values, phase: str) -> Steps[None]:
    """Read the cluster's configuration; without an answer the defaults hold."""
    path = flags["kubeconfig"] or ADMIN
    try:
        session.connect(path)
    except KubeadmError:
        return
    try:
        yield from read_config(session, phase)
    except KubeadmError:
        session.out(f"[{phase}] Error reading configuration from the Cluster. Falling back to default configuration\n")
        return
    session.out()


def _row(session: Session, name: str, found: Certificate | None, authority: str, *, cells: int, external: bool) -> tuple[str, ...]:
    if found is None:
        return (f"!MISSING! {name}", *[""] * (cells - 1))
    left = residual(found.not_after - make.now_s(session.host))
    middle = (authority,) if cells == len(HEAD) else ()
    return name, _date(found.not_after), left, *middle, f"{'yes' if external else 'no':8}"


def check_expiration(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Show when each certificate ends."""
    yield from _configured(session, flags, "check-expiration")
    host, folder = session.host, flags["cert-dir"] or PKI
    signs = {row.name: make.authority_of(host, row.name, folder) is not None for row in AUTHORITIES}
    rows: list[tuple[str, ...]] = [HEAD]
    for leaf in leaves(session.minor).values():
        shown = leaf.authority if not leaf.file or session.minor >= NAMED_SINCE else ""
        found = make.in_file(host, path_of(leaf, folder))
        rows.append(_row(session, leaf.name, found, shown, cells=len(HEAD), external=not signs[leaf.authority]))
    authorities: list[tuple[str, ...]] = [AUTHORITY_HEAD]
    for row in AUTHORITIES:
        found = make.in_file(host, f"{folder}/{row.path}.crt")
        authorities.append(_row(session, row.name, found, "", cells=len(AUTHORITY_HEAD), external=not signs[row.name]))
    session.write(columns(rows) + "\n" + columns(authorities), "stdout")


def _renew(session: Session, leaf: Leaf, folder: str) -> None:
    if make.in_file(session.host, path_of(leaf, folder)) is None:
        session.out(f"MISSING! {leaf.long}")
    elif renew(session.host, leaf.name, folder):
        session.out(f"{leaf.long} renewed")
    else:
        path = next(row.path for row in AUTHORITIES if row.name == leaf.authority)
        session.out(f"Detected external {path}, {leaf.long} can't be renewed")


def _one(name: str) -> Callable[[Session, Values, list[str]], Steps[None]]:
    def run(session: Session, flags: Values, words: list[str]) -> Steps[None]:
        yield from _configured(session, flags, "renew")
        _needs_root(session)
        _renew(session, leaves(session.minor)[name], flags["cert-dir"] or PKI)

    return run


def renew_all(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Renew everything that kubeadm made."""
    yield from _configured(session, flags, "renew")
    _needs_root(session)
    for leaf in leaves(session.minor).values():
        _renew(session, leaf, flags["cert-dir"] or PKI)
    session.out(DONE)


def _needs_root(session: Session) -> None:
    if session.uid:
        raise KubeadmError(f"failed to load existing certificate apiserver: open {PKI}/apiserver.key: permission denied")


def certificate_key(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Print a key with which certificates may be uploaded."""
    yield from session.pause(0.0)
    session.out(new_certificate_key(session))


def new_certificate_key(session: Session) -> str:
    """Draw a certificate key."""
    return session.stream.text("0123456789abcdef", 2 * KEY_BYTES)


FLAGS = (
    Flag("cert-dir", "", "The path where to save the certificates"),
    Flag("config", "", "Path to a kubeadm configuration file.", modelled=False),
    Flag("kubeconfig", "", "The kubeconfig file to use when talking to the cluster. If the flag is not set, a set of standard "
         "locations can be searched for an existing kubeconfig file."),
)
RENEW = "Renew certificates for a Kubernetes cluster"
CHECK = "Check certificates expiration for a Kubernetes cluster"


def _tree(head: str, since: tuple[int, int], until: tuple[int, int]) -> tuple[Command, ...]:
    return (
        Command(head, "Commands related to handling kubernetes certificates", since=since, until=until),
        Command(f"{head} check-expiration", CHECK, check_expiration, FLAGS, since=since, until=until),
        Command(f"{head} certificate-key", "Generate certificate keys", certificate_key, since=since, until=until),
        Command(f"{head} renew", RENEW, since=since, until=until),
        Command(f"{head} renew all", "Renew all available certificates", renew_all, FLAGS, since=since, until=until),
        *(Command(f"{head} renew {leaf.name}", f"Renew the {leaf.long}", _one(leaf.name), FLAGS,
                  since=max(since, leaf.since), until=until) for leaf in leaves((9, 0)).values()))


COMMANDS = (
    Command("alpha", "Kubeadm experimental sub-commands", until=(1, 21)),
    *_tree("alpha certs", (1, 15), (1, 21)), *_tree("certs", (1, 20), (9, 0)))

"""kubeadm token: create, list, delete, generate. Models: cmd/kubeadm/app/cmd/token.go, options/token.go."""

from __future__ import annotations

import re

from sim.api import times
from sim.api.client import Key
from sim.api.errors import StatusError, TransportError
from sim.api.times import parse_duration
from sim.components.tokens import SHAPE, field
from sim.engine import Steps
from sim.kubeadm.certs.commands import residual
from sim.kubeadm.frame.command import Command, Flag, Values
from sim.kubeadm.frame.session import KubeadmError, Session
from sim.kubeadm.frame.table import columns
from sim.kubeadm.nodes import discovery

ADMIN = "/etc/kubernetes/admin.conf"
HEAD = ("TOKEN", "TTL", "EXPIRES", "USAGES", "DESCRIPTION", "EXTRA GROUPS")
PATTERN, ID_PATTERN = r"\A([a-z0-9]{6})\.([a-z0-9]{16})\z", r"\A([a-z0-9]{6})\z"
ID = re.compile(r"[a-z0-9]{6}")
TTL = "24h0m0s"
USAGES = ("signing", "authentication")


def _shown(pattern: str) -> str:
    return '"' + pattern.replace("\\", "\\\\") + '"'


def make(session: Session, token: str, ttl: str, description: str, usages: tuple[str, ...], groups: tuple[str, ...]) -> Steps[None]:
    """Create a token's Secret. Raises KubeadmError."""
    seconds = int(parse_duration(ttl))
    expires = session.engine.unix_us // 1_000_000 + seconds if seconds else None
    body = discovery.secret(token, expires_s=expires, description=description, usages=usages, groups=groups)
    key = Key("secrets", discovery.SECRETS, body["metadata"]["name"])
    if (yield from session.get(key)) is not None:
        raise KubeadmError(f'a token with id "{token.partition(".")[0]}" already exists')
    yield from session.put(key, body, because="kubeadm token create")


def create(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Create a token, and print it or the whole line for the joining machine."""
    token = words[0] if words else discovery.new_token(session.stream)
    if not SHAPE.fullmatch(token):
        raise KubeadmError(f'the bootstrap token "{token}" was not of the form {_shown(PATTERN)}')
    if flags["certificate-key"] and not flags["print-join-command"]:
        raise KubeadmError("cannot use --certificate-key without --print-join-command")
    path = flags["kubeconfig"] or ADMIN
    session.connect(path)
    yield from make(session, token, flags["ttl"], flags["description"], flags["usages"], flags["groups"])
    if not flags["print-join-command"]:
        session.out(token)
        return
    line = discovery.join_command(session, path, token)
    session.out(f"{line}--control-plane --certificate-key {flags['certificate-key']}" if flags["certificate-key"] else line)


def generate(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Print a token, and create nothing."""
    yield from session.pause(0.0)
    session.out(discovery.new_token(session.stream))


def listed(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """List the tokens."""
    session.connect(flags["kubeconfig"] or ADMIN)
    try:
        found = yield from session.list("secrets", discovery.SECRETS)
    except KubeadmError as error:
        raise KubeadmError(f"failed to list bootstrap tokens: {error}") from None
    rows = []
    for secret in found:
        if secret.get("type") != discovery.TYPE:
            continue
        ends = field(secret, "expiration")
        left = residual((times.parse(ends) - session.engine.unix_us) // 1_000_000) if ends else "<forever>"
        usages = ",".join(name for name in ("authentication", "signing") if field(secret, f"usage-bootstrap-{name}") == "true")
        rows.append((f"{field(secret, 'token-id')}.{field(secret, 'token-secret')}", left, ends or "<never>", usages or "<none>",
                     field(secret, "description") or "<none>", field(secret, "auth-extra-groups") or "<none>"))
    if rows:
        session.write(columns([HEAD, *rows]), "stdout")


def delete(session: Session, flags: Values, words: list[str]) -> Steps[None]:
    """Delete tokens."""
    if not words:
        raise KubeadmError(f"missing argument; 'token delete' is missing token of form {_shown(PATTERN)} or {_shown(ID_PATTERN)}")
    session.connect(flags["kubeconfig"] or ADMIN)
    for word in words:
        shape = SHAPE.fullmatch(word)
        if shape is None and not ID.fullmatch(word):
            raise KubeadmError(f"given token didn't match pattern {_shown(PATTERN)} or {_shown(ID_PATTERN)}")
        name = shape[1] if shape else word
        try:
            yield from session.send("delete", Key("secrets", discovery.SECRETS, f"{discovery.PREFIX}{name}"))
        except (StatusError, TransportError) as error:
            raise KubeadmError(f'failed to delete bootstrap token "{name}": {error.message}') from None
        session.out(f'bootstrap token "{name}" deleted')


KUBECONFIG = Flag("kubeconfig", "", "The kubeconfig file to use when talking to the cluster. If the flag is not set, a set of "
                  "standard locations can be searched for an existing kubeconfig file.")
DRY = Flag("dry-run", False, "Whether to enable dry-run mode or not", modelled=False)
COMMANDS = (
    Command("token", "Manage bootstrap tokens"),
    Command("token create", "Create bootstrap tokens on the server", create, (
        KUBECONFIG, DRY, Flag("config", "", "Path to a kubeadm configuration file.", modelled=False),
        Flag("certificate-key", "", "When used together with '--print-join-command', print the full 'kubeadm join' flag needed to "
             "join the cluster as a control-plane. To create a new certificate key you must use 'kubeadm init phase upload-certs "
             "--upload-certs'.", since=(1, 19)),
        Flag("description", "", "A human friendly description of how this token is used."),
        Flag("groups", (discovery.GROUP,), "Extra groups that this token will authenticate as when used for authentication. Must "
             'match "\\\\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\\\\z"'),
        Flag("print-join-command", False, "Instead of printing only the token, print the full 'kubeadm join' flag needed to join "
             "the cluster using the token."),
        Flag("ttl", TTL, "The duration before the token is automatically deleted (e.g. 1s, 2m, 3h). If set to '0', the token will "
             "never expire", hint="duration"),
        Flag("usages", USAGES, "Describes the ways in which this token can be used. You can pass --usages multiple times or "
             "provide a comma separated list of options. Valid options: [signing,authentication]")),
        arguments="[token]", most=1),
    Command("token delete", "Delete bootstrap tokens on the server", delete, (KUBECONFIG, DRY), arguments="[token-value] ...", most=99),
    Command("token generate", "Generate and print a bootstrap token, but do not create it on the server", generate, (KUBECONFIG, DRY)),
    Command("token list", "List bootstrap tokens on the server", listed, (
        KUBECONFIG, DRY, Flag("output", "text", "Output format. One of: text|json|yaml.", "o", modelled=False))),
)


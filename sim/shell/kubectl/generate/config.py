"""create configmap and create secret: data from words and files.

Models: kubectl/pkg/cmd/create/create_{configmap,secret,secret_docker,secret_tls}.go, kubectl/pkg/util/hash,
kubectl/pkg/generate/versioned/env_file.go. Certificates are records here: a key is not matched with its certificate.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator

from sim.api.client import Object
from sim.engine import Steps
from sim.host.files import FileError
from sim.shell.kubectl.frame.errors import UsageError
from sim.shell.kubectl.frame.invocation import Invocation
from sim.shell.kubectl.generate.generator import finish, mapping, metadata, name_of
from sim.shell.kubectl.words.verbs import Verb

CONFIG_MAP, SECRET = mapping("configmaps", "ConfigMap"), mapping("secrets", "Secret")
KEY = re.compile(r"[-._a-zA-Z0-9]+")
KEY_TEXT = ("a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or "
            "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')")
ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
ENV_TEXT = ("a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not "
            "start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is "
            "'[-._a-zA-Z][-._a-zA-Z0-9]*')")
DOCKER_HUB = "https://index.docker.io/v1/"
VOWELS_OUT = str.maketrans("013ae", "ghkmt")


def read_file(inv: Invocation, path: str) -> bytes:
    """Read a file of the host. Raises UsageError."""
    try:
        return inv.call.files.read(inv.call.path(path))
    except FileError as error:
        raise UsageError(f"error reading {path}: {str(error.args[0]).lower()}") from None


def entries(inv: Invocation) -> Iterator[tuple[str, bytes]]:
    """Give the keys and values that the flags ask for. Raises UsageError."""
    files, literals = inv.flags["from-file"] or [], inv.flags["from-literal"] or []
    env = inv.flags["from-env-file"] or []
    env = [env] if isinstance(env, str) else env
    if env and (files or literals):
        raise UsageError("from-env-file cannot be combined with from-file or from-literal")
    for source in files:
        yield from _file_entries(inv, source)
    for pair in literals:
        key, equal, value = pair.partition("=")
        if not equal or not key:
            raise UsageError(f"invalid literal source {pair}, expected key=value")
        yield key, value.encode()
    for path in env:
        yield from _env_entries(inv, path)


def _file_entries(inv: Invocation, source: str) -> Iterator[tuple[str, bytes]]:
    if source.count("=") > 1:
        raise UsageError("key names or file paths cannot contain '='")
    key, equal, path = source.partition("=")
    if not equal:
        key, path = source.rstrip("/").rpartition("/")[2], source
    elif not key:
        raise UsageError(f"key name for file path {path} missing")
    elif not path:
        raise UsageError(f"file path for key name {key} missing")
    files = inv.call.files
    if files.is_dir(inv.call.path(path)):
        if equal:
            raise UsageError("cannot give a key name for a directory path")
        for name in sorted(files.list(inv.call.path(path))):
            inner = f"{path.rstrip('/')}/{name}"
            if not files.is_dir(inv.call.path(inner)) and KEY.fullmatch(name):
                yield name, read_file(inv, inner)
        return
    yield key, read_file(inv, path)


def _env_entries(inv: Invocation, path: str) -> Iterator[tuple[str, bytes]]:
    for line in read_file(inv, path).decode(errors="replace").split("\n"):
        text = line.lstrip().rstrip("\r")
        if not text or text.startswith("#"):
            continue
        key, equal, value = text.partition("=")
        if not ENV_NAME.fullmatch(key):
            raise UsageError(f'"{key}" is not a valid key name: {ENV_TEXT}')
        yield key, (value if equal else inv.call.env.get(key, "")).encode()


def data_of(inv: Invocation, kind: str, name: str) -> dict[str, bytes]:
    """Collect the data; a key may be given once. Raises UsageError."""
    data: dict[str, bytes] = {}
    for key, value in entries(inv):
        if not KEY.fullmatch(key) or key in (".", ".."):
            raise UsageError(f'"{key}" is not a valid key name for a {kind}: {KEY_TEXT}')
        if key in data:
            raise UsageError(f'cannot add key "{key}", another key by that name already exists in Data for {kind} "{name}"')
        data[key] = value
    return dict(sorted(data.items()))


def hashed(name: str, content: Object) -> str:
    """Append a hash of the content to the name (--append-hash)."""
    text = json.dumps({"name": name, **content}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:10].translate(VOWELS_OUT)}"


def config_map(inv: Invocation) -> Steps[int]:
    """Run `kubectl create configmap`."""
    name = name_of(inv)
    texts: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in data_of(inv, "ConfigMap", name).items():
        try:
            texts[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(value).decode()
    data = {**({"data": texts} if texts else {}), **({"binaryData": binary} if binary else {})}
    if inv.flags["append-hash"]:
        name = hashed(name, {"kind": "ConfigMap", "data": texts or None, **({"binaryData": binary} if binary else {})})
    return (yield from finish(inv, CONFIG_MAP, {"metadata": metadata(inv, CONFIG_MAP, name), **data}, wrapped="configmap"))


def _secret(inv: Invocation, name: str, data: dict[str, bytes], kind: str, wrapped: str) -> Steps[int]:
    shown = {key: base64.b64encode(value).decode() for key, value in data.items()}
    if inv.flags["append-hash"]:
        name = hashed(name, {"kind": "Secret", "type": kind, "data": shown or None})
    obj: Object = {"metadata": metadata(inv, SECRET, name), **({"data": shown} if shown else {}),
                   **({"type": kind} if kind else {})}
    return (yield from finish(inv, SECRET, obj, wrapped=wrapped))


def secret_generic(inv: Invocation) -> Steps[int]:
    """Run `kubectl create secret generic`."""
    name = name_of(inv)
    return (yield from _secret(inv, name, data_of(inv, "Secret", name), inv.flags["type"] or "", "secret"))


def secret_tls(inv: Invocation) -> Steps[int]:
    """Run `kubectl create secret tls`."""
    name = name_of(inv)
    if not inv.flags["cert"] or not inv.flags["key"]:
        raise UsageError("key and cert must be specified")
    data = {}
    for key, flag in (("tls.crt", "cert"), ("tls.key", "key")):
        path = inv.flags[flag]
        try:
            data[key] = inv.call.files.read(inv.call.path(path))
        except FileError as error:
            raise UsageError(f"Cannot read file {path}, open {path}: {str(error.args[0]).lower()}") from None
    if b"-----BEGIN CERTIFICATE" not in data["tls.crt"]:
        raise UsageError("tls: failed to find any PEM data in certificate input")
    if b"-----BEGIN" not in data["tls.key"]:
        raise UsageError("tls: failed to find any PEM data in key input")
    return (yield from _secret(inv, name, data, "kubernetes.io/tls", "secret"))


def secret_docker(inv: Invocation) -> Steps[int]:
    """Run `kubectl create secret docker-registry`."""
    name, files = name_of(inv), inv.flags["from-file"] or []
    user, password, mail = inv.flags["docker-username"], inv.flags["docker-password"], inv.flags["docker-email"]
    server = inv.flags["docker-server"] or DOCKER_HUB
    if files:
        data = b"".join(value for _, value in _file_entries(inv, files[0]))
    elif not user or not password:
        raise UsageError("either --from-file or the combination of --docker-username, --docker-password and --docker-server "
                         "is required")
    else:
        auth = base64.b64encode(f"{user}:{password}".encode()).decode()
        entry = {"username": user, "password": password, **({"email": mail} if mail else {}), "auth": auth}
        data = json.dumps({"auths": {server: entry}}, separators=(",", ":")).encode()
    return (yield from _secret(inv, name, {".dockerconfigjson": data}, "kubernetes.io/dockerconfigjson",
                               "secret docker-registry"))


COMMON = ("dry-run", "output", "save-config", "validate", "field-manager", "append-hash")
FROM = ("from-file", "from-literal", "from-env-file")
VERBS = {
    "create configmap": Verb(config_map, (*COMMON, *FROM)),
    "create secret generic": Verb(secret_generic, (*COMMON, *FROM, "type")),
    "create secret tls": Verb(secret_tls, (*COMMON, "cert", "key")),
    "create secret docker-registry": Verb(secret_docker, (
        *COMMON, "from-file", "docker-server", "docker-username", "docker-password", "docker-email")),
}

"""openssl: its subcommands, their options, and what they say.

Models: apps/x509.c, verify.c, req.c, genrsa.c, rsa.c, rand.c, s_client.c of openssl 3.0.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sim.engine import Steps, microseconds
from sim.host.files import FileError
from sim.pki import Certificate, PrivateKey, SigningRequest, invalid, load, matches, pem
from sim.pki.records import DAY_S, PublicKey, Record, fingerprint, issue, public_der
from sim.shell.pipes import COMMANDS, Call
from sim.shell.system.certificates import settings, text

SECONDS, KEY_SECONDS = 0.01, 0.15
RELEASES = {"jammy": ("3.0.2 15 Mar 2022", 267, 151), "noble": ("3.0.13 30 Jan 2024", 267, 151),
            "bookworm": ("3.0.22 25 Aug 2026", 268, 149)}
"""Version, and the lines of the source at which a missing file and a wrong kind are told."""


@dataclass
class Options:
    """What was typed behind a subcommand: options in their order, and operands."""

    given: list[tuple[str, str]] = field(default_factory=list)
    operands: list[str] = field(default_factory=list)

    def get(self, name: str) -> str:
        """Give the last value of an option, "" without one."""
        return next((value for each, value in reversed(self.given) if each == name), "")

    def __contains__(self, name: object) -> bool:
        return any(each == name for each, _ in self.given)


class Bad(Exception):
    """What openssl says before it ends; status: its exit status."""

    def __init__(self, said: str, status: int = 1) -> None:
        super().__init__(said)
        self.status = status


class Unknown(Exception):
    """An option that is not modelled."""


def options(words: list[str], plain: str, valued: str) -> Options:
    """Read options. Raises Unknown."""
    found, rest = Options(), list(words)
    names, takes = set(plain.split()), set(valued.split())
    while rest:
        word = rest.pop(0)
        name = word.lstrip("-")
        if not word.startswith("-") or word == "-":
            found.operands.append(word)
        elif name in takes:
            if not rest:
                raise Bad(f"Option -{name} needs a value")
            found.given.append((name, rest.pop(0)))
        elif name in names:
            found.given.append((name, ""))
        else:
            raise Unknown(word)
    return found


# ---- reading and writing ------------------------------------------------------------------------------------------
def _trace(call: Call, where: str) -> str:
    digits = call.engine.stream("openssl").text("0123456789ABCDEF", 8)
    return f"40{digits}7F0000:error:{where}"


def _cannot_open(call: Call, what: str, path: str, error: FileError) -> Bad:
    line = RELEASES[call.host.os.codename][1]
    said = [f"Could not open file or uri for loading {what} from {path}"]
    trace = _trace(call, "16000069:STORE routines:ossl_store_get0_loader_int:unregistered scheme:"
                   "../crypto/store/store_register.c:237:scheme=file")
    said.append(trace)
    head = trace.partition(":")[0]
    if str(error.args[0]) == "Permission denied":
        said.append(f"{head}:error:8000000D:system library:BIO_new_file:Permission denied:../crypto/bio/bss_file.c:67:"
                    f"calling fopen({path}, rb)")
        said.append(f"{head}:error:10080002:BIO routines:BIO_new_file:system lib:../crypto/bio/bss_file.c:77:")
    else:
        said.append(f"{head}:error:80000002:system library:file_open:{error.args[0]}:"
                    f"../providers/implementations/storemgmt/file_store.c:{line}:calling stat({path})")
    if what == "certificate":
        said.append("Unable to load certificate")
    return Bad("\n".join(said))


def _cannot_read(call: Call, what: str, path: str) -> Bad:
    line = RELEASES[call.host.os.codename][2]
    said = [f"Could not read {what} from {path}"]
    if path != "<stdin>":
        said.append(_trace(call, "1608010C:STORE routines:ossl_store_handle_load_result:unsupported:"
                           f"../crypto/store/store_result.c:{line}:"))
    if what == "certificate":
        said.append("Unable to load certificate")
    return Bad("\n".join(said))


def take(call: Call, what: str, kind: type[Record], path: str) -> Steps[Record]:
    """Read the first record of a kind from a file or standard input. Raises Bad."""
    if path:
        try:
            data = call.files.read(call.path(path))
        except FileError as error:
            raise _cannot_open(call, what, path, error) from None
    else:
        data = yield from call.input()
    found = next((each for each in load(data) if isinstance(each, kind)), None)
    if found is None:
        raise _cannot_read(call, what, path or "<stdin>")
    return found


def take_request(call: Call, path: str) -> Steps[SigningRequest]:
    """Read a request. Raises Bad."""
    if path:
        try:
            data = call.files.read(call.path(path))
        except FileError as error:
            trace = _trace(call, f"80000002:system library:BIO_new_file:{error.args[0]}:../crypto/bio/bss_file.c:67:"
                           f"calling fopen({path}, r)")
            raise Bad(f'Can\'t open "{path}" for reading, {error.args[0]}\n{trace}\n{trace.partition(":")[0]}:error:10000080:'
                      "BIO routines:BIO_new_file:no such file:../crypto/bio/bss_file.c:75:\n"
                      "Unable to load certificate request input") from None
    else:
        data = yield from call.input()
    found = next((each for each in load(data) if isinstance(each, SigningRequest)), None)
    if found is None:
        raise Bad("Unable to load X509 request")
    return found


def put(call: Call, path: str, data: bytes, mode: int = 0) -> None:
    """Write to a file, or to standard output without one. Raises Bad."""
    if not path:
        call.write(data)
        return
    try:
        call.files.write(call.path(path), data)
        if mode:
            call.files.chmod(call.path(path), mode)
    except FileError as error:
        raise Bad(f"Can't open \"{path}\" for writing, {error.args[0]}") from None


def new_key(call: Call) -> PrivateKey:
    """Make a key."""
    return PrivateKey(call.engine.stream("openssl").text("0123456789abcdef", 40))


def now_s(call: Call) -> int:
    """Give the simulated moment in seconds since 1970."""
    return call.engine.unix_us // 1_000_000


# ---- x509 ---------------------------------------------------------------------------------------------------------
SHOWS: dict[str, Callable[[Certificate], str]] = {
    "text": text.certificate_text,
    "enddate": lambda c: f"notAfter={text.date(c.not_after)}\n", "startdate": lambda c: f"notBefore={text.date(c.not_before)}\n",
    "dates": lambda c: f"notBefore={text.date(c.not_before)}\nnotAfter={text.date(c.not_after)}\n",
    "subject": lambda c: f"subject={text.subject(c)}\n", "issuer": lambda c: f"issuer={text.issuer(c)}\n",
    "serial": lambda c: f"serial={text.serial(c)}\n",
    "modulus": lambda c: f"Modulus={text.octets('modulus', c.key_id).hex().upper()}\n",
    "pubkey": lambda c: pem(PublicKey(c.key_id)).decode()}
EXTENSIONS = {"subjectAltName": "X509v3 Subject Alternative Name", "extendedKeyUsage": "X509v3 Extended Key Usage",
              "keyUsage": "X509v3 Key Usage", "basicConstraints": "X509v3 Basic Constraints",
              "authorityKeyIdentifier": "X509v3 Authority Key Identifier", "subjectKeyIdentifier": "X509v3 Subject Key Identifier"}


def x509(call: Call, words: list[str]) -> Steps[int]:
    """Look at a certificate, or sign a request."""
    given = options(words, "noout text enddate startdate dates subject issuer serial modulus pubkey fingerprint sha256 sha1 "
                    "req CAcreateserial", "in out CA CAkey CAserial days extfile extensions signkey key ext checkend "
                    "set_serial inform outform nameopt")
    if "req" in given:
        return (yield from sign(call, given))
    for name, right in (("inform", "PEM"), ("outform", "PEM")):
        if given.get(name).upper() not in ("", right):
            raise Unknown(f"-{name} {given.get(name)}")
    if "nameopt" in given or "key" in given or "CA" in given:
        raise Unknown("-nameopt" if "nameopt" in given else "-key")
    found = yield from take(call, "certificate", Certificate, given.get("in"))
    assert isinstance(found, Certificate)
    found = call.host.network.clock.as_now(found)
    digest = "sha1" if "sha1" in given or "sha256" not in given else "sha256"
    for name, value in given.given:
        if name in SHOWS:
            call.write(SHOWS[name](found))
        elif name == "fingerprint":
            size = 20 if digest == "sha1" else 32
            call.write(f"{digest} Fingerprint={text.colons(text.octets('print', digest, found.serial, found.key_id, count=size))}\n")
        elif name == "ext":
            _extensions(call, found, value)
    if "noout" not in given:
        put(call, given.get("out"), pem(found))
    if "checkend" in given:
        ends = now_s(call) + int(given.get("checkend") or 0) >= found.not_after
        call.write(f"Certificate will {'' if ends else 'not '}expire\n")
        return int(ends)
    return 0


def _extensions(call: Call, certificate: Certificate, names: str) -> None:
    shown = [EXTENSIONS.get(name.strip(), "?") for name in names.split(",")]
    rows = [(title, value) for title, value in text.extensions(certificate) if title.partition(":")[0] in shown]
    for title, value in rows:
        call.write(f"{title}\n    {value}\n")
    if not rows:
        call.write(f"No extensions matched: {names}\n", "stderr")


def sign(call: Call, given: Options) -> Steps[int]:
    """Sign a request, with an authority or its own key."""
    request = yield from take_request(call, given.get("in"))
    own = given.get("signkey") or given.get("key")
    issuer: Certificate | None = None
    if own:
        yield from take(call, "private key", PrivateKey, own)
    elif given.get("CA"):
        found = yield from take(call, "certificate", Certificate, given.get("CA"))
        key = yield from take(call, "CA private key", PrivateKey, given.get("CAkey") or given.get("CA"))
        assert isinstance(found, Certificate) and isinstance(key, PrivateKey)
        if key.key_id != found.key_id:
            raise Bad(f"CA certificate and CA private key do not match\n{_trace(call, KEY_MISMATCH)}")
        issuer = found
    else:
        raise Bad("We need a private key to sign with, use -key or -CA or -CAkey with private key")
    wanted = settings.wanted(call, given.get("extfile"), given.get("extensions")) if given.get("extfile") else settings.NOTHING
    # A request's own alternative names are not copied unless one asks for it.
    plain = replace(request, dns=wanted.dns, ips=wanted.ips)
    call.write("Certificate request self-signature ok\n", "stderr")
    call.write(f"subject={text.subject(request)}\n", "stderr")
    made = issue(plain, issuer, now_s=now_s(call), lasts_s=int(given.get("days") or 30) * DAY_S, usages=wanted.usages,
                 authority=wanted.authority)
    put(call, given.get("out"), pem(made))
    if "CAcreateserial" in given:
        path = given.get("CA").rpartition(".")[0] + ".srl"
        put(call, path, f"{fingerprint(made.serial).upper()}\n".encode())
    return 0


KEY_MISMATCH = "05800074:x509 certificate routines:X509_check_private_key:key values mismatch:../crypto/x509/x509_cmp.c:405:"


# ---- verify -------------------------------------------------------------------------------------------------------
NUMBERS = {"expired": (10, "certificate has expired"), "authority": (20, "unable to get local issuer certificate")}


def verify(call: Call, words: list[str]) -> Steps[int]:
    """Check certificates against authorities."""
    given = options(words, "verbose x509_strict", "CAfile CApath untrusted purpose verify_hostname verify_ip")
    roots: list[Certificate] = []
    for name in ("CAfile", "untrusted"):
        if given.get(name):
            try:
                data = call.files.read(call.path(given.get(name)))
            except FileError as error:
                raise _cannot_open(call, "certificate" if name == "untrusted" else "CAfile", given.get(name), error) from None
            roots += [each for each in load(data) if isinstance(each, Certificate)]
    status = 0
    for path in given.operands:
        found = yield from take(call, f"certificate file {path}" if False else "certificate", Certificate, path)
        assert isinstance(found, Certificate)
        found = call.host.network.clock.as_now(found)
        said = _verified(found, roots, now_s(call), given.get("verify_hostname") or given.get("verify_ip"))
        if said is None:
            call.write(f"{path}: OK\n")
            continue
        status = 2
        call.write(f"{text.subject(found)}\nerror {said[0]} at 0 depth lookup: {said[1]}\nerror {path}: verification failed\n",
                   "stderr")
    return status


def _verified(certificate: Certificate, roots: list[Certificate], now: int, name: str) -> tuple[int, str] | None:
    """Give openssl's number and words for what is wrong."""
    problem = invalid(certificate, roots, now, usage=next(iter(certificate.usages), "client"))
    if problem is None:
        return (62, "hostname mismatch") if name and matches(certificate, name) is not None else None
    if problem.kind == "expired" and now < certificate.not_before:
        return 9, "certificate is not yet valid"
    if problem.kind == "authority" and certificate.issuer == certificate.subject:
        return 18, "self-signed certificate"
    if problem.kind == "authority" and "possibly" in problem.text:
        return 7, "certificate signature failure"
    return NUMBERS.get(problem.kind, (26, "unsuitable certificate purpose"))


# ---- keys and requests --------------------------------------------------------------------------------------------
def genrsa(call: Call, words: list[str]) -> Steps[int]:
    """Make a key."""
    given = options(words, "traditional", "out")
    yield call.engine.sleep(microseconds(KEY_SECONDS))
    if given.operands and not given.operands[0].isdigit():
        raise Bad(f'genrsa: Can\'t parse "{given.operands[0]}" as a number')
    kind = "RSA PRIVATE KEY" if "traditional" in given else "PRIVATE KEY"
    put(call, given.get("out"), pem(new_key(call), kind=kind), 0o600)
    return 0


def rsa(call: Call, words: list[str]) -> Steps[int]:
    """Look at a key."""
    given = options(words, "noout check pubout modulus pubin", "in out outform inform")
    if "pubin" in given:
        public = yield from take(call, "public key", PublicKey, given.get("in"))
        assert isinstance(public, PublicKey)
        der = given.get("outform").lower() == "der"
        if "noout" not in given:
            call.write("writing RSA key\n", "stderr")
            put(call, given.get("out"), public_der(public.key_id) if der else pem(public))
        return 0
    if given.get("outform").upper() not in ("", "PEM"):
        raise Unknown("-outform")
    found = yield from take(call, "private key", PrivateKey, given.get("in"))
    assert isinstance(found, PrivateKey)
    if "modulus" in given:
        call.write(f"Modulus={text.octets('modulus', found.key_id).hex().upper()}\n")
    if "check" in given:
        call.write("RSA key ok\n")
    if "noout" not in given:
        call.write("writing RSA key\n", "stderr")
        put(call, given.get("out"), pem(PublicKey(found.key_id) if "pubout" in given else found,
                                        kind="" if "pubout" in given else "PRIVATE KEY"))
    return 0


def req(call: Call, words: list[str]) -> Steps[int]:
    """Make or look at a request; with -x509 make a certificate that signs itself."""
    given = options(words, "new noout text subject nodes noenc x509 verify batch sha256 pubkey modulus",
                    "in out key keyout newkey subj config days addext extensions reqexts")
    if "new" not in given and "newkey" not in given and "x509" not in given:
        request = yield from take_request(call, given.get("in"))
        shows = {"text": text.request_text(request), "subject": f"subject={text.subject(request)}\n",
                 "verify": "", "pubkey": pem(PublicKey(request.key_id)).decode()}
        if "verify" in given:
            call.write("Certificate request self-signature verify OK\n", "stderr")
        for name, _ in given.given:
            call.write(shows.get(name, ""))
        if "noout" not in given:
            put(call, given.get("out"), pem(request))
        return 0
    yield call.engine.sleep(microseconds(KEY_SECONDS))
    if given.get("key"):
        key = yield from take(call, "private key", PrivateKey, given.get("key"))
    else:
        key = new_key(call)
        call.write("-----\n", "stderr")
        put(call, given.get("keyout") or "privkey.pem", pem(key, kind="PRIVATE KEY"), 0o600)
    assert isinstance(key, PrivateKey)
    wanted = settings.of_request(call, given.get("config"), given.get("reqexts") or given.get("extensions"), [
        value for name, value in given.given if name == "addext"])
    typed = settings.subject(given.get("subj")) or wanted.name
    if not typed:
        raise Unknown("without -subj")
    common, groups, shown = typed
    request = SigningRequest(common, key.key_id, groups, wanted.dns, wanted.ips, shown)
    if "x509" not in given:
        put(call, given.get("out"), pem(request))
        return 0
    made = issue(request, None, now_s=now_s(call), lasts_s=int(given.get("days") or 30) * DAY_S, usages=wanted.usages,
                 authority=wanted.authority or not wanted.usages)
    put(call, given.get("out"), pem(made))
    return 0


# ---- the rest -----------------------------------------------------------------------------------------------------
def version(call: Call, words: list[str]) -> Steps[int]:
    """Name the version."""
    if words:
        raise Unknown(words[0])
    shown = RELEASES[call.host.os.codename][0]
    call.write(f"OpenSSL {shown} (Library: OpenSSL {shown})\n")
    return 0
    yield


def rand(call: Call, words: list[str]) -> Steps[int]:
    """Give random bytes."""
    given = options(words, "hex base64", "out")
    if not given.operands or not given.operands[0].isdigit() or not ("hex" in given or "base64" in given):
        raise Unknown(" ".join(words))
    data = bytes.fromhex(call.engine.stream("openssl").text("0123456789abcdef", 2 * int(given.operands[0])))
    put(call, given.get("out"), (data.hex().encode() if "hex" in given else base64.b64encode(data)) + b"\n")
    return 0
    yield


def dgst(call: Call, words: list[str]) -> Steps[int]:
    """Digest standard input or files."""
    given = options(words, "sha1 sha256 sha512 md5 hex r", "out")
    kind = next((name for name, _ in given.given if name in ("sha1", "sha256", "sha512", "md5")), "sha256")
    title = {"sha256": "SHA2-256", "sha512": "SHA2-512"}.get(kind, kind.upper())
    for path in given.operands or [""]:
        try:
            data = call.files.read(call.path(path)) if path else (yield from call.input())
        except FileError as error:
            raise Bad(f"Can't open \"{path}\" for reading, {error.args[0]}") from None
        digest = hashlib.new(kind, data, usedforsecurity=False).hexdigest()
        call.write(f"{digest} *{path or 'stdin'}\n" if "r" in given else f"{title}({path or 'stdin'})= {digest}\n")
    return 0


VERBS: dict[str, Callable[[Call, list[str]], Steps[int]]] = {
    "x509": x509, "verify": verify, "genrsa": genrsa, "rsa": rsa, "req": req, "version": version, "rand": rand, "dgst": dgst, "pkey": rsa}
NOT_MODELLED = frozenset("""asn1parse ca ciphers cms crl dhparam ec ecparam enc errstr gendsa genpkey kdf list mac nseq ocsp
    passwd pkcs12 pkcs7 pkcs8 pkeyparam pkeyutl prime rehash s_client s_server s_time sess_id smime speed spkac srp
    storeutl ts help""".split())


def openssl(call: Call) -> Steps[int]:
    """Run `openssl VERB`."""
    if not call.argv:
        return call.refuse("openssl without a command")
    name, words = call.argv[0], call.argv[1:]
    yield call.engine.sleep(microseconds(SECONDS))
    verb = VERBS.get(name)
    if verb is None:
        if name in NOT_MODELLED:
            return call.refuse(f"openssl {name}")
        call.write(f"Invalid command '{name}'; type \"help\" for a list.\n", "stderr")
        return 1
    try:
        return (yield from verb(call, words))
    except Unknown as error:
        return call.refuse(f"openssl {name} {error}")
    except Bad as error:
        call.write(f"{error}\n", "stderr")
        return error.status


COMMANDS["openssl"] = openssl

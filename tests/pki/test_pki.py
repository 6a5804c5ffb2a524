"""Certificates as records: what Go's verifier says of them, and what lies in their files."""

import pytest

from sim.pki import PkiError, PrivateKey, SigningRequest, invalid, issue, load, load_certificates, load_key, pem
from sim.pki.records import DAY_S, YEAR_S, PublicKey, expired, renewed

NOW = 1_750_000_000
CA = issue(SigningRequest("kubernetes", "a" * 40), None, now_s=NOW, lasts_s=10 * YEAR_S, authority=True)
OTHER = issue(SigningRequest("kubernetes", "b" * 40), None, now_s=NOW, lasts_s=10 * YEAR_S, authority=True)
SERVER = issue(SigningRequest("kube-apiserver", "c" * 40, dns=("kubernetes", "*.example.com"), ips=("10.96.0.1",)), CA, now_s=NOW,
               usages=("server",))
CLIENT = issue(SigningRequest("jane", "d" * 40, ("dev",)), CA, now_s=NOW, usages=("client",))


@pytest.mark.parametrize(("certificate", "roots", "now", "usage", "name", "said"), [
    (SERVER, (CA,), NOW, "server", "kubernetes", "None"),
    (SERVER, (CA,), NOW, "server", "a.example.com", "None"),
    (SERVER, (CA,), NOW, "server", "a.b.example.com",
     "x509: certificate is valid for kubernetes, *.example.com, not a.b.example.com"),
    (SERVER, (CA,), NOW, "server", "10.0.0.1", "x509: certificate is valid for 10.96.0.1, not 10.0.0.1"),
    (CLIENT, (CA,), NOW, "client", "10.0.0.1",
     "x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs"),
    (CLIENT, (CA,), NOW, "client", "web", "x509: certificate is not valid for any names, but wanted to match web"),
    (SERVER, (), NOW, "server", "", "x509: certificate signed by unknown authority"),
    (SERVER, (OTHER,), NOW, "server", "", "x509: certificate signed by unknown authority (possibly because of \"crypto/rsa: "
     'verification error" while trying to verify candidate authority certificate "kubernetes")'),
    (SERVER, (CA,), NOW, "client", "", "x509: certificate specifies an incompatible key usage"),
    (SERVER, (CA,), NOW - 1, "server", "", "x509: certificate has expired or is not yet valid: current time "
     "2025-06-15T15:06:39Z is before 2025-06-15T15:06:40Z"),
    (SERVER, (CA,), NOW + YEAR_S + 1, "server", "10.0.0.1", "x509: certificate has expired or is not yet valid: current time "
     "2026-06-15T15:06:41Z is after 2026-06-15T15:06:40Z"),
    (CA, (CA,), NOW, "server", "", "None")])
def test_a_verifier_speaks_as_go_does(certificate, roots, now, usage, name, said):
    assert str(invalid(certificate, roots, now, usage=usage, name=name)) == said


def test_an_expired_authority_ends_what_it_signed():
    leaf = issue(SigningRequest("late", "e" * 40), CA, now_s=NOW + 9 * YEAR_S, lasts_s=2 * YEAR_S)
    assert invalid(leaf, (CA,), NOW + 10 * YEAR_S + DAY_S, usage="client").kind == "expired"


def test_files_keep_what_was_written():
    key = PrivateKey("d" * 40)
    data = pem(CLIENT) + pem(key, kind="EC PRIVATE KEY")
    assert data.startswith(b"-----BEGIN CERTIFICATE-----\nMII") and b"-----BEGIN EC PRIVATE KEY-----\nMII" in data
    assert load(data) == (CLIENT, key)
    assert load_certificates(b"words\n" + data) == (CLIENT,) and load_key(data) == key


@pytest.mark.parametrize(("data", "said"), [
    (b"", "tls: failed to find any PEM data in certificate input"),
    (pem(PrivateKey("f")), "tls: failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs "
     "may have been switched"),
    (pem(PublicKey("f")), 'tls: failed to find "CERTIFICATE" PEM block in certificate input after skipping PEM blocks of the '
     "following types: [PUBLIC KEY]"),
    (pem(CLIENT).replace(b"MII", b"MI!"), "x509: malformed certificate")])
def test_a_spoilt_file_is_told_as_go_does(data, said):
    with pytest.raises(PkiError) as error:
        load_certificates(data)
    assert str(error.value) == said


def test_renewing_keeps_names_and_expiring_keeps_the_number():
    again = renewed(SERVER, CA, "9" * 40, now_s=NOW + DAY_S)
    assert (again.subject, again.dns, again.ips, again.usages) == (SERVER.subject, SERVER.dns, SERVER.ips, SERVER.usages)
    assert again.serial != SERVER.serial and again.not_after == SERVER.not_after + DAY_S
    ended = expired(SERVER, NOW)
    assert ended.serial == SERVER.serial and invalid(ended, (CA,), NOW, usage="server").kind == "expired"

"""HTTPS: a client is who its certificate names."""

import asyncio
import base64
import ssl

import aiohttp

from sim.http.serve import kubeconfig, running
from sim.http.tls import prepare, user_of
from tests.lab_fixtures import lab


def test_a_certificate_says_who_asks(tmp_path):
    context, identity = prepare("127.0.0.1")
    for name, text in (("crt", identity.certificate), ("key", identity.key)):
        (tmp_path / name).write_bytes(base64.b64decode(text))

    async def play():
        async with running(lab("first-steps"), speed=0, secured=context) as (_, urls):
            url = next(iter(urls.values()))
            assert url.startswith("https://") and "certificate-authority-data" in kubeconfig(urls, "", identity)
            found = []
            for known in (True, False):
                trust = ssl.create_default_context(cadata=base64.b64decode(identity.authority).decode())
                if known:
                    trust.load_cert_chain(tmp_path / "crt", tmp_path / "key")
                async with aiohttp.ClientSession() as session, session.get(url + "/api/v1/nodes", ssl=trust) as answer:
                    found.append((answer.status, await answer.json()))
            return found

    (allowed, nodes), (refused, status) = asyncio.run(play())
    assert allowed == 200 and nodes["kind"] == "NodeList"
    assert refused == 403 and 'User "system:anonymous" cannot list resource "nodes"' in status["message"]


def test_groups_are_organizations():
    subject = {"subject": ((("commonName", "bob"),), (("organizationName", "dev"),), (("organizationName", "ops"),))}
    assert user_of(subject) == ("bob", ("dev", "ops", "system:authenticated"))
    assert user_of(None).name == "system:anonymous"

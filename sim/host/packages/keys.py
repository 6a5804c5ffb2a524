"""Keys of repositories: who signs what, and what a keyring file holds.

A key is a line that names it inside a PGP block's clothes: ASCII-armoured as servers send it, or binary as
`gpg --dearmor` writes it. Models: what gpgv needs to know. Left out: signatures, expiry, trust.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

HEAD, TAIL = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
_MARK = b"\x99key "


@dataclass(frozen=True, slots=True)
class Key:
    """A public key. fingerprint: 40 hexadecimal digits; made: a day."""

    fingerprint: str
    user: str
    algorithm: str = "rsa2048"
    made: str = ""

    @property
    def short(self) -> str:
        """Give the last 16 digits, as NO_PUBKEY names it."""
        return self.fingerprint[-16:]

    def binary(self) -> bytes:
        """Give it as a keyring file has it."""
        return _MARK + f"{self.fingerprint} {self.algorithm} {self.made} {self.user}\n".encode()

    def armoured(self) -> str:
        """Give it as a server sends it."""
        body = base64.b64encode(self.binary()).decode()
        lines = [body[at:at + 64] for at in range(0, len(body), 64)]
        return "\n".join([HEAD, "Version: GnuPG v2.0.15 (GNU/Linux)", "", *lines, "=gFd1", TAIL, ""])


COMMUNITY = Key("DE15B14486CD377B9E876E1A234654DA9A296436", "isv:kubernetes OBS Project <isv:kubernetes@build.opensuse.org>",
                "rsa2048", "2022-08-25")
GOOGLE = Key("A362B822F6DEDC652817EA46B53DC80D13EDEF05", "Rapture Automatic Signing Key (cloud-rapture-signing-key-2022-03-07-08_01_01.pub)",
             "rsa2048", "2022-03-07")
DOCKER = Key("9DC858229FC7DD38854AE2D88D81803C0EBFCD88", "Docker Release (CE deb) <docker@docker.com>", "rsa4096", "2017-02-22")
DEBIAN_12 = Key("B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8", "Debian Archive Automatic Signing Key (12/bookworm) <ftpmaster@debian.org>",
                "rsa4096", "2023-01-21")
UBUNTU_2012 = Key("843938DF228D22F7B3742BC0D94AA3F0EFE21092", "Ubuntu CD Image Automatic Signing Key (2012) <cdimage@ubuntu.com>",
                  "rsa4096", "2012-05-11")
UBUNTU_2018 = Key("F6ECB3762474EDA9D21B7022871920D1991BC93C", "Ubuntu Archive Automatic Signing Key (2018) <ftpmaster@ubuntu.com>",
                  "rsa4096", "2018-09-17")


def read(data: bytes) -> list[Key]:
    """Give the keys of binary data; none for anything else, armoured text too (apt takes that for no keyring)."""
    found = []
    for line in data.split(b"\n"):
        match = re.match(re.escape(_MARK) + rb"([0-9A-F]{40}) (\S+) (\S*) (.+)", line)
        if match:
            found.append(Key(match[1].decode(), match[4].decode(errors="replace"), match[2].decode(), match[3].decode()))
    return found


def dearmoured(data: bytes) -> bytes | None:
    """Take the PGP armour off; None where there is none."""
    text = data.decode(errors="replace")
    found = b""
    for block in re.findall(f"{HEAD}\n(.*?){TAIL}", text, re.DOTALL):
        body = block.partition("\n\n")[2] if "\n\n" in block else block
        lines = [line for line in body.splitlines() if line and not line.startswith("=")]
        try:
            found += base64.b64decode("".join(lines), validate=True)
        except ValueError:
            return None
    return found or None

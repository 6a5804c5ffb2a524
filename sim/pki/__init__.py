"""Certificates as records: what they say, how they look in files, and what a verifier has to say of them.

Pure; may import `sim.api`. Left out: cryptography. A signature is the key id of the issuer that the record names.
"""

from sim.pki.records import (
    Certificate,
    PkiError,
    PrivateKey,
    SigningRequest,
    issue,
    load,
    load_certificates,
    load_key,
    pem,
)
from sim.pki.verify import Problem, invalid, matches, within

__all__ = ["Certificate", "PkiError", "PrivateKey", "Problem", "SigningRequest", "invalid", "issue", "load",
           "load_certificates", "load_key", "matches", "pem", "within"]

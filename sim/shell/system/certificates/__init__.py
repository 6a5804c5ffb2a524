"""openssl, as far as labs use it: looking at certificates, checking them, making keys, requests and certificates.

Left out: other algorithms than RSA, revocation, everything that encrypts.
"""

from sim.shell.system.certificates import command

__all__ = ["command"]

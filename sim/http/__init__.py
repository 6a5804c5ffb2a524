"""The Kubernetes API over HTTP, for real clients: kubectl, client libraries, k9s.

URLs, headers and bodies become `Request`s and back; no semantics live here, `ApiServer.handle` has them all. Everything but
`serve.py` is free of sockets and wall time, so that a Python client can be answered in its own process. May import
everything below `sim.cli`. Left out: SPDY (clients before 1.30 for exec), audit, API versions other than the preferred one.
"""

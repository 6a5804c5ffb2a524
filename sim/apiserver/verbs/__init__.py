"""What may be asked of the API server, by kind of question: read, create, change, remove.

Each is a function of the server, the resource's row and the request. It imports `sim.api` and the rest of the server,
but not `server` itself. Left out: connect (exec, attach, port-forward), which clients refuse.
"""

"""etcd: the versioned store under an API server.

It imports the engine and `sim.api`, and knows nothing of kinds. Raft messages are not modelled.
"""

"""What everybody knows about Kubernetes objects: shapes, times, quantities, queries, patches, errors, the client.

Pure values and functions: it imports nothing of the simulator. It leaves out what a kind means: that is the API
server's (`sim.apiserver`).
"""

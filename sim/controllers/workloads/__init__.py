"""Controllers that keep pods running: Deployment, ReplicaSet, ReplicationController, DaemonSet, StatefulSet.

Like all controllers they read the cache and write through the API.
"""

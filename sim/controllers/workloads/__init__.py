"""Controllers that create pods: ReplicaSet, Deployment, DaemonSet.

Like all controllers they read the cache and write through the API. StatefulSet and Job are still to come.
"""

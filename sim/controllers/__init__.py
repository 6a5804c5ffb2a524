"""The loops of kube-controller-manager, one per file, and the scheduler beside them.

They read a cache (`client.reader`, indexes only), write through the API, and do nothing in an idle cluster.
They never import the API server or hosts.
"""

"""The control plane as programs on hosts: etcd, kube-apiserver, kube-controller-manager, kube-scheduler.

Each checks what it needs, logs, listens, or dies; `sim.components.programs` holds them, `statics` ties them to manifests.
Left out: TLS, liveness probes, flags that nothing here reads.
"""

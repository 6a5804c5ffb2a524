"""Which flags each program knows, and since which version it no longer does.

Sources: `--help` of the releases 1.20 to 1.36 and etcd 3.4 to 3.6, through upstream's option sources
(cmd/kube-*/app/options, apiserver/pkg/server/options, etcdmain/config.go).
"""

from __future__ import annotations

Minor = tuple[int, int]
LOGGING = """log-dir log-file log-file-max-size log-flush-frequency log-json-info-buffer-size log-json-split-stream
    log-text-info-buffer-size log-text-split-stream logging-format logtostderr alsologtostderr add-dir-header skip-headers
    skip-log-headers one-output stderrthreshold v version vmodule log-backtrace-at feature-gates help emulated-version
    emulation-forward-compatible disable-http2-serving"""
SERVING = """bind-address secure-port cert-dir tls-cert-file tls-private-key-file tls-cipher-suites tls-min-version
    tls-sni-cert-key http2-max-streams-per-connection permit-port-sharing permit-address-sharing"""
DELEGATED = """authentication-kubeconfig authentication-skip-lookup authentication-token-webhook-cache-ttl
    authentication-tolerate-lookup-failure authorization-always-allow-paths authorization-kubeconfig
    authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl client-ca-file
    requestheader-allowed-names requestheader-client-ca-file requestheader-extra-headers-prefix
    requestheader-group-headers requestheader-username-headers requestheader-uid-headers"""
CLIENT = """kubeconfig master kube-api-burst kube-api-content-type kube-api-qps leader-elect leader-elect-lease-duration
    leader-elect-renew-deadline leader-elect-resource-lock leader-elect-resource-name leader-elect-resource-namespace
    leader-elect-retry-period profiling contention-profiling show-hidden-metrics-for-version allow-metric-labels
    allow-metric-labels-manifest disabled-metrics address port"""
APISERVER = """admission-control admission-control-config-file advertise-address aggregator-reject-forwarding-redirect
    allow-privileged anonymous-auth api-audiences apiserver-count audit-log-batch-buffer-size audit-log-batch-max-size
    audit-log-compress audit-log-format audit-log-maxage audit-log-maxbackup audit-log-maxsize audit-log-mode
    audit-log-path audit-log-truncate-enabled audit-log-version audit-policy-file audit-webhook-config-file
    audit-webhook-mode authentication-config authentication-token-webhook-cache-ttl
    authentication-token-webhook-config-file authentication-token-webhook-version authorization-config authorization-mode
    authorization-policy-file authorization-webhook-cache-authorized-ttl authorization-webhook-cache-unauthorized-ttl
    authorization-webhook-config-file authorization-webhook-version basic-auth-file client-ca-file cloud-config
    cloud-provider contention-profiling coordinated-leadership-lease-duration cors-allowed-origins debug-socket-path
    default-not-ready-toleration-seconds default-unreachable-toleration-seconds default-watch-cache-size
    delete-collection-workers disable-admission-plugins egress-selector-config-file enable-admission-plugins
    enable-aggregator-routing enable-bootstrap-token-auth enable-garbage-collector enable-logs-handler
    enable-priority-and-fairness encryption-provider-config encryption-provider-config-automatic-reload
    endpoint-reconciler-type etcd-cafile etcd-certfile etcd-compaction-interval etcd-count-metric-poll-period
    etcd-db-metric-poll-interval etcd-healthcheck-timeout etcd-keyfile etcd-prefix etcd-readycheck-timeout etcd-servers
    etcd-servers-overrides event-ttl external-hostname goaway-chance identity-lease-duration-seconds
    insecure-bind-address insecure-port kubelet-certificate-authority kubelet-client-certificate kubelet-client-key
    kubelet-https kubelet-port kubelet-preferred-address-types kubelet-read-only-port kubelet-timeout
    kubernetes-service-node-port lease-reuse-duration-seconds livez-grace-period max-connection-bytes-per-sec
    max-mutating-requests-inflight max-requests-inflight min-request-timeout oidc-ca-file oidc-client-id oidc-groups-claim
    oidc-groups-prefix oidc-issuer-url oidc-required-claim oidc-signing-algs oidc-username-claim oidc-username-prefix
    peer-advertise-ip peer-advertise-port peer-ca-file profiling proxy-client-cert-file proxy-client-key-file
    repair-malformed-updates request-timeout requestheader-allowed-names requestheader-client-ca-file
    requestheader-extra-headers-prefix requestheader-group-headers requestheader-uid-headers
    requestheader-username-headers runtime-config service-account-api-audiences service-account-extend-token-expiration
    service-account-issuer service-account-jwks-uri service-account-key-file service-account-lookup
    service-account-max-token-expiration service-account-signing-endpoint service-account-signing-key-file
    service-cluster-ip-range service-node-port-range show-hidden-metrics-for-version shutdown-delay-duration
    shutdown-send-retry-after shutdown-watch-termination-grace-period storage-backend storage-media-type
    strict-transport-security-directives target-ram-mb token-auth-file tracing-config-file watch-cache watch-cache-sizes
    allow-metric-labels allow-metric-labels-manifest disabled-metrics"""
MANAGER = """allocate-node-cidrs allow-untagged-cloud attach-detach-reconcile-sync-period cidr-allocator-type cloud-config
    cloud-provider cloud-provider-gce-lb-src-cidrs cluster-cidr cluster-name cluster-signing-cert-file
    cluster-signing-duration cluster-signing-key-file cluster-signing-kube-apiserver-client-cert-file
    cluster-signing-kube-apiserver-client-key-file cluster-signing-kubelet-client-cert-file
    cluster-signing-kubelet-client-key-file cluster-signing-kubelet-serving-cert-file
    cluster-signing-kubelet-serving-key-file cluster-signing-legacy-unknown-cert-file
    cluster-signing-legacy-unknown-key-file concurrent-cron-job-syncs concurrent-daemonset-syncs
    concurrent-deployment-syncs concurrent-endpoint-syncs concurrent-ephemeralvolume-syncs concurrent-gc-syncs
    concurrent-horizontal-pod-autoscaler-syncs concurrent-job-syncs concurrent-namespace-syncs concurrent-rc-syncs
    concurrent-replicaset-syncs concurrent-resource-quota-syncs concurrent-service-endpoint-syncs concurrent-service-syncs
    concurrent-serviceaccount-token-syncs concurrent-statefulset-syncs concurrent-ttl-after-finished-syncs
    concurrent-validating-admission-policy-status-syncs configure-cloud-routes controller-shutdown-timeout
    controller-start-interval controllers deployment-controller-sync-period disable-attach-detach-reconcile-sync
    enable-dynamic-provisioning enable-garbage-collector enable-hostpath-provisioner enable-leader-migration
    enable-taint-manager endpoint-updates-batch-period endpointslice-updates-batch-period
    experimental-cluster-signing-duration external-cloud-volume-plugin flex-volume-plugin-dir
    horizontal-pod-autoscaler-cpu-initialization-period horizontal-pod-autoscaler-downscale-delay
    horizontal-pod-autoscaler-downscale-stabilization horizontal-pod-autoscaler-initial-readiness-delay
    horizontal-pod-autoscaler-sync-period horizontal-pod-autoscaler-tolerance horizontal-pod-autoscaler-upscale-delay
    horizontal-pod-autoscaler-use-rest-clients large-cluster-size-threshold leader-migration-config
    legacy-service-account-token-clean-up-period max-endpoints-per-slice min-resync-period
    mirroring-concurrent-service-endpoint-syncs mirroring-endpointslice-updates-batch-period
    mirroring-max-endpoints-per-subset namespace-sync-period node-cidr-mask-size node-cidr-mask-size-ipv4
    node-cidr-mask-size-ipv6 node-eviction-rate node-monitor-grace-period node-monitor-period node-startup-grace-period
    node-sync-period pod-eviction-timeout pv-recycler-increment-timeout-nfs pv-recycler-minimum-timeout-hostpath
    pv-recycler-minimum-timeout-nfs pv-recycler-pod-template-filepath-hostpath pv-recycler-pod-template-filepath-nfs
    pv-recycler-timeout-increment-hostpath pvclaimbinder-sync-period register-retry-count resource-quota-sync-period
    root-ca-file route-reconciliation-period secondary-node-eviction-rate service-account-private-key-file
    service-cluster-ip-range service-sync-period terminated-pod-gc-threshold unhealthy-zone-threshold
    use-service-account-credentials volume-host-allow-local-loopback volume-host-cidr-denylist"""
SCHEDULER = """algorithm-provider config hard-pod-affinity-symmetric-weight lock-object-name lock-object-namespace
    pod-max-in-unschedulable-pods-duration policy-config-file policy-configmap policy-configmap-namespace scheduler-name
    use-legacy-policy-config write-config-to"""
ETCD = """name data-dir wal-dir snapshot-count heartbeat-interval election-timeout initial-election-tick-advance
    listen-peer-urls listen-client-urls max-snapshots max-wals quota-backend-bytes backend-bbolt-freelist-type
    backend-batch-interval backend-batch-limit max-txn-ops max-request-bytes max-concurrent-streams
    grpc-keepalive-min-time grpc-keepalive-interval grpc-keepalive-timeout initial-advertise-peer-urls initial-cluster
    initial-cluster-state initial-cluster-token advertise-client-urls discovery discovery-srv discovery-fallback
    discovery-proxy discovery-endpoints discovery-token strict-reconfig-check pre-vote auto-compaction-retention
    auto-compaction-mode enable-v2 v2-deprecation proxy cert-file key-file client-cert-auth client-crl-file
    client-cert-allowed-hostname client-cert-file client-key-file trusted-ca-file auto-tls peer-cert-file peer-key-file
    peer-client-cert-auth peer-client-cert-file peer-client-key-file peer-trusted-ca-file peer-cert-allowed-cn
    peer-cert-allowed-hostname peer-auto-tls self-signed-cert-validity peer-crl-file cipher-suites tls-min-version
    tls-max-version cors host-whitelist auth-token bcrypt-cost auth-token-ttl enable-pprof metrics listen-metrics-urls
    listen-client-http-urls logger log-outputs log-level log-format enable-log-rotation log-rotation-config-json debug
    config-file force-new-cluster unsafe-no-fsync experimental-initial-corrupt-check experimental-corrupt-check-time
    experimental-compact-hash-check-enabled experimental-compact-hash-check-time experimental-enable-v2v3
    experimental-enable-lease-checkpoint experimental-compaction-batch-limit experimental-peer-skip-client-san-verification
    experimental-watch-progress-notify-interval experimental-warning-apply-duration experimental-bootstrap-defrag-threshold-megabytes
    experimental-enable-distributed-tracing experimental-max-learners experimental-snapshot-catchup-entries
    experimental-wait-cluster-ready-timeout experimental-warning-unary-request-duration experimental-memory-mlock
    experimental-txn-mode-write-with-shared-buffer experimental-backend-bbolt-freelist-type feature-gates max-learners
    watch-progress-notify-interval corrupt-check-time compact-hash-check-time compaction-batch-limit
    snapshot-catchup-entries warning-apply-duration warning-unary-request-duration bootstrap-defrag-threshold-megabytes
    downgrade-check-time memory-mlock peer-local-addr socket-reuse-port socket-reuse-address raft-read-timeout
    raft-write-timeout version help"""
KNOWN: dict[str, frozenset[str]] = {
    "kube-apiserver": frozenset(f"{APISERVER} {SERVING} {LOGGING}".split()),
    "kube-controller-manager": frozenset(f"{MANAGER} {CLIENT} {DELEGATED} {SERVING} {LOGGING}".split()),
    "kube-scheduler": frozenset(f"{SCHEDULER} {CLIENT} {DELEGATED} {SERVING} {LOGGING}".split()),
    "etcd": frozenset(ETCD.split()),
    "flanneld": frozenset("""ip-masq kube-subnet-mgr kube-api-url kubeconfig-file iface iface-regex iface-can-reach
        public-ip healthz-ip healthz-port net-config-path v kube-annotation-prefix iptables-resync version""".split()),
}
_KLOG = dict.fromkeys("""log-dir log-file log-file-max-size logtostderr alsologtostderr add-dir-header skip-headers
    skip-log-headers one-output stderrthreshold log-backtrace-at""".split(), (1, 26))
REMOVED: dict[str, dict[str, Minor]] = {
    "kube-apiserver": {
        **_KLOG, "insecure-port": (1, 24), "insecure-bind-address": (1, 20), "basic-auth-file": (1, 19),
        "kubelet-https": (1, 22), "kubelet-port": (1, 32), "kubelet-read-only-port": (1, 32), "target-ram-mb": (1, 23),
        "admission-control": (1, 33), "repair-malformed-updates": (1, 19), "service-account-api-audiences": (1, 25),
        "cloud-provider": (1, 33), "cloud-config": (1, 33), "apiserver-count": (1, 99)},
    "kube-controller-manager": {
        **_KLOG, "port": (1, 24), "address": (1, 24), "experimental-cluster-signing-duration": (1, 25),
        "pod-eviction-timeout": (1, 27), "enable-taint-manager": (1, 27), "deployment-controller-sync-period": (1, 24),
        "horizontal-pod-autoscaler-use-rest-clients": (1, 25), "register-retry-count": (1, 24),
        "horizontal-pod-autoscaler-downscale-delay": (1, 33), "horizontal-pod-autoscaler-upscale-delay": (1, 33)},
    "kube-scheduler": {
        **_KLOG, "port": (1, 24), "address": (1, 24), "policy-config-file": (1, 23), "policy-configmap": (1, 23),
        "policy-configmap-namespace": (1, 23), "use-legacy-policy-config": (1, 23), "algorithm-provider": (1, 23),
        "hard-pod-affinity-symmetric-weight": (1, 23), "scheduler-name": (1, 23), "lock-object-name": (1, 26),
        "lock-object-namespace": (1, 26)},
    "etcd": {
        "enable-v2": (3, 6), "proxy": (3, 6), "debug": (3, 5), "experimental-enable-v2v3": (3, 6),
        "discovery-fallback": (3, 6), "discovery-proxy": (3, 6)},
}
"""Sources: CHANGELOGs of the releases named; where only the deprecation is documented, the first release without it."""

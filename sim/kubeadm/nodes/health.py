"""How init and join start the kubelet and wait for it. Models: cmd/kubeadm/app/util/apiclient/wait.go, phases/kubelet."""

from __future__ import annotations

from sim.engine import Steps
from sim.kubeadm.frame.session import KubeadmError, Session

CHECK_SINCE = (1, 30)
HEALTH_SECONDS = 240.0
UNHEALTHY = """
Unfortunately, an error has occurred:
	{error}

This error is likely caused by:
	- The kubelet is not running
	- The kubelet is unhealthy due to a misconfiguration of the node in some way (required cgroups disabled)

If you are on a systemd-powered system, you can try to troubleshoot the error with the following commands:
	- 'systemctl status kubelet'
	- 'journalctl -xeu kubelet'"""


def start_kubelet(session: Session) -> Steps[None]:
    """Start the kubelet, and wait until it is healthy. Raises KubeadmError."""
    session.out("[kubelet-start] Starting the kubelet")
    unit = session.host.unit("kubelet")
    if unit is None:
        raise KubeadmError("kubelet.service does not exist")
    unit.start()
    yield from wait_healthy(session)


def wait_healthy(session: Session) -> Steps[None]:
    """Wait until the kubelet is healthy; newer versions tell of it. Raises KubeadmError."""
    if session.minor >= CHECK_SINCE:
        session.out("[kubelet-check] Waiting for a healthy kubelet at http://127.0.0.1:10248/healthz. This can take up to 4m0s")
    began_us = session.engine.now_us

    def healthy() -> Steps[bool]:
        yield from session.pause(0.0)
        return session.host.kubelet is not None and session.host.kubelet.running

    if not (yield from session.until(HEALTH_SECONDS, healthy, 0.5)):
        text = ("The HTTP call equal to 'curl -sSL http://127.0.0.1:10248/healthz' returned error: Get "
                "\"http://127.0.0.1:10248/healthz\": dial tcp 127.0.0.1:10248: connect: connection refused")
        session.out(f"[kubelet-check] The kubelet is not healthy after 4m0.000{session.stream.text('123456789', 6)}s")
        session.out(UNHEALTHY.format(error=text))
        raise KubeadmError("failed while waiting for the kubelet to start: " + text)
    if session.minor >= CHECK_SINCE:
        took_us = session.engine.now_us - began_us + 500_000
        yield from session.pause(0.5)
        session.out(f"[kubelet-check] The kubelet is healthy after {took_us / 1000:.0f}.{session.stream.uniform(100000, 999999)}ms")

"""Approves the requests of kubelets, and signs what was approved, with the authority that the controller manager was given.

Models: pkg/controller/certificates/{approver,signer} (sarapprove.go, signer.go). Left out: legacy-unknown's own authority,
the cleaner.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from sim.api import objects, times
from sim.api.client import Change, Key, Object
from sim.controllers.base import Controller
from sim.pki import Certificate, SigningRequest, issue, load, pem
from sim.pki.records import YEAR_S

CLIENT, KUBELET_CLIENT = "kubernetes.io/kube-apiserver-client", "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING = "kubernetes.io/kubelet-serving"
SIGNERS = {CLIENT: ("client",), KUBELET_CLIENT: ("client",), KUBELET_SERVING: ("server",)}
NODE, NODES = "system:node:", "system:nodes"
ROLE = "system:certificates.k8s.io:certificatesigningrequests:"
SELF = "Auto approving self kubelet client certificate after SubjectAccessReview."
OTHER = "Auto approving kubelet client certificate after SubjectAccessReview."


def request_of(csr: Object) -> SigningRequest | None:
    """Read what is asked for, None where it is none of the simulator's requests."""
    try:
        data = base64.b64decode(str(csr["spec"].get("request") or ""))
    except ValueError:
        return None
    return next((each for each in load(data) if isinstance(each, SigningRequest)), None)


def is_about(csr: Object, kind: str) -> bool:
    """Tell whether a condition is set."""
    return any(row.get("type") == kind for row in objects.dig(csr, "status.conditions", None) or [])


class CSRApprovingController(Controller):
    """Approves client certificates of kubelets whose askers may have them."""

    name = "certificate-controller"
    watches = ("certificatesigningrequests",)

    def changed(self, change: Change) -> None:
        """Queue what nobody has decided yet."""
        if change.new is not None and not objects.dig(change.new, "status.conditions", None):
            self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Approve it if it is a kubelet's."""
        csr = self.reader.get(key)
        if csr is None or objects.dig(csr, "status.conditions", None) or csr["spec"].get("signerName") != KUBELET_CLIENT:
            return None
        wanted, asker = request_of(csr), str(csr["spec"].get("username", ""))
        if wanted is None or not wanted.subject.startswith(NODE) or wanted.organizations != (NODES,):
            return None
        own = asker == wanted.subject
        if not self._may(csr, f"{ROLE}{'selfnodeclient' if own else 'nodeclient'}"):
            return None
        condition = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": SELF if own else OTHER,
                     "lastUpdateTime": times.stamp(self.engine.unix_us), "lastTransitionTime": times.stamp(self.engine.unix_us)}
        body = {**csr, "status": {**(csr.get("status") or {}), "conditions": [condition]}}
        self.client.update(key, body, subresource="approval", because="a kubelet asks that may")
        return None

    def _may(self, csr: Object, role: str) -> bool:
        """Tell whether a binding lets the asker have it: what the SubjectAccessReview would say."""
        who = {("User", str(csr["spec"].get("username", ""))), *(("Group", each) for each in csr["spec"].get("groups") or [])}
        return any(binding["roleRef"]["name"] == role and (subject.get("kind"), subject.get("name")) in who
                   for binding in self.reader.list("clusterrolebindings") for subject in binding.get("subjects") or [])


class CSRSigningController(Controller):
    """Signs what was approved. authority: gives the certificate of the authority, None where it cannot sign."""

    name = "certificate-controller"
    watches = ("certificatesigningrequests",)
    authority: Callable[[], Certificate | None] = staticmethod(lambda: None)
    lasts_s = YEAR_S

    def changed(self, change: Change) -> None:
        """Queue what was approved and not signed yet."""
        new = change.new
        if new is not None and is_about(new, "Approved") and not objects.dig(new, "status.certificate", None):
            self.enqueue(change.key)

    def reconcile(self, key: Key) -> float | None:
        """Sign it."""
        csr = self.reader.get(key)
        if csr is None or not is_about(csr, "Approved") or objects.dig(csr, "status.certificate", None) or is_about(csr, "Failed"):
            return None
        usages, wanted, issuer = SIGNERS.get(str(csr["spec"].get("signerName"))), request_of(csr), self.authority()
        if usages is None or wanted is None or issuer is None or is_about(csr, "Denied"):
            return None
        seconds = min(self.lasts_s, int(csr["spec"].get("expirationSeconds") or self.lasts_s))
        made = issue(wanted, issuer, now_s=self.engine.unix_us // 1_000_000, lasts_s=seconds, usages=usages)
        status = {**(csr.get("status") or {}), "certificate": base64.b64encode(pem(made)).decode()}
        self.client.update(key, {**csr, "status": status}, subresource="status",
                           canonical=self.version[1], because="its request was approved")
        return None

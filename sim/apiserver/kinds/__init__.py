"""The resource table, by kind groups: one row per kind with its names, strategy and columns.

It imports `sim.api` alone. What a kind means to others (controllers, kubelets) is left to them.
"""

from __future__ import annotations

from sim.apiserver.kinds import access, apps, batch, core, networking, pods, policy, storage
from sim.apiserver.kinds.columns import CREATED_AT, NAME, containers, pairs
from sim.apiserver.kinds.row import Resource

ADMISSION, RESOURCE, FLOW = "admissionregistration.k8s.io", "resource.k8s.io", "flowcontrol.apiserver.k8s.io"


def _shown(resource: str, kind: str, group: str, since: int, *, namespaced: bool = False) -> Resource:
    categories = ("api-extensions",) if group == ADMISSION else ()
    return Resource(resource, kind, group, namespaced=namespaced, since=since, modelled=False, columns=CREATED_AT, categories=categories)


POD_TEMPLATES = Resource("podtemplates", "PodTemplate", columns=(
    NAME, ("Containers", 0, containers("name", "template.spec")), ("Images", 0, containers("image", "template.spec")),
    ("Pod Labels", 0, pairs("template.metadata.labels"))))
BINDINGS = Resource("bindings", "Binding", verbs=("create",), modelled=False)
NEW_EVENTS = Resource("events.events.k8s.io", "Event", "events.k8s.io", short_names=("ev",), since=19, modelled=False,
                      name="events", columns=core.EVENT_COLUMNS)
ROWS = (
    BINDINGS, *core.BEFORE_LIMITS, policy.CORE[0], *core.AFTER_LIMITS, storage.CLAIM, storage.VOLUME, pods.POD,
    POD_TEMPLATES, apps.REPLICATION_CONTROLLER, policy.CORE[1], *core.CONFIGURATION,
    _shown("mutatingadmissionpolicies", "MutatingAdmissionPolicy", ADMISSION, 36),
    _shown("mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding", ADMISSION, 36),
    _shown("mutatingwebhookconfigurations", "MutatingWebhookConfiguration", ADMISSION, 16),
    _shown("validatingadmissionpolicies", "ValidatingAdmissionPolicy", ADMISSION, 30),
    _shown("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", ADMISSION, 30),
    _shown("validatingwebhookconfigurations", "ValidatingWebhookConfiguration", ADMISSION, 16),
    networking.DEFINITIONS, networking.API_SERVICES,
    *apps.ROWS, *access.REVIEWS, networking.AUTOSCALER, *batch.ROWS, access.CSR, networking.LEASES, networking.SLICES,
    NEW_EVENTS, _shown("flowschemas", "FlowSchema", FLOW, 29),
    _shown("prioritylevelconfigurations", "PriorityLevelConfiguration", FLOW, 29), *networking.NETWORK_ROWS,
    networking.RUNTIME_CLASS, policy.POLICY, *access.ROLES,
    _shown("deviceclasses", "DeviceClass", RESOURCE, 34),
    _shown("resourceclaims", "ResourceClaim", RESOURCE, 34, namespaced=True),
    _shown("resourceclaimtemplates", "ResourceClaimTemplate", RESOURCE, 34, namespaced=True),
    _shown("resourceslices", "ResourceSlice", RESOURCE, 34), policy.PRIORITY, *storage.ROWS,
)
"""In discovery's order: the core group, then the others by name."""

"""What kubeadm prints, by version.

A text holds from the version named until the next row; None: that version says nothing there. Sources: recorded runs
of 1.10 to 1.36 (walk-throughs and issue threads), kubernetes/kubernetes cmd/kubeadm; `UNVERIFIED` names the texts that
were not seen in a run or a source of the versions around them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

Since = tuple[int, ...]
Rows = tuple[tuple[Since, str | None], ...]
ALL: Since = (0,)

MESSAGES: dict[str, Rows] = {
    # ---- the frame ----
    "client.no-kubeconfig": (
        (ALL, "couldn't create a Kubernetes client from file \"{path}\": failed to load admin kubeconfig: {problem}"),),
    "config.sure": ((ALL, "[upgrade/config] Making sure the configuration is correct:"), ((1, 30, 4), None)),
    "config.reading": (
        (ALL, "[{phase}] Reading configuration from the cluster..."),
        ((1, 32), "[{phase}] Reading configuration from the \"kubeadm-config\" ConfigMap in namespace \"kube-system\"...")),
    "config.look": (
        (ALL, "[{phase}] FYI: You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -oyaml'"),
        ((1, 20), "[{phase}] FYI: You can look at this config file with 'kubectl -n kube-system get cm kubeadm-config -o yaml'"),
        ((1, 32), "[{phase}] Use 'kubeadm init phase upload-config --config your-config.yaml' to re-upload it."),
        ((1, 33), "[{phase}] Use 'kubeadm init phase upload-config --config your-config-file' to re-upload it."),
        ((1, 34), "[{phase}] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.")),
    "config.missing": (
        (ALL, "[upgrade/config] In order to upgrade, a ConfigMap called \"kubeadm-config\" in the kube-system namespace must exist.\n"
              "[upgrade/config] Without this information, 'kubeadm upgrade' won't know how to configure your upgraded cluster.\n\n"
              "[upgrade/config] Next steps:\n"
              "\t- OPTION 1: Run 'kubeadm config upload from-flags' and specify the same CLI arguments you passed to "
              "'kubeadm init' when you created your control-plane.\n"
              "\t- OPTION 2: Run 'kubeadm config upload from-file' and specify the same config file you passed to "
              "'kubeadm init' when you created your control-plane.\n"
              "\t- OPTION 3: Pass a config file to 'kubeadm upgrade' using the --config flag.\n"),
        ((1, 32), "[upgrade] In order to upgrade, a ConfigMap called \"kubeadm-config\" in the \"kube-system\" namespace must exist.\n"
                  "[upgrade/config] Use 'kubeadm init phase upload-config --config your-config-file' to re-upload it."),
        ((1, 34), "[upgrade] In order to upgrade, a ConfigMap called \"kubeadm-config\" in the \"kube-system\" namespace must exist.\n"
                  "[upgrade/config] Use 'kubeadm init phase upload-config kubeadm --config your-config-file' to re-upload it.")),
    "config.missing-error": (
        (ALL, "[upgrade/config] FATAL: the ConfigMap \"kubeadm-config\" in the kube-system namespace used for getting "
              "configuration information was not found"),
        ((1, 32), "[upgrade] FATAL: the ConfigMap \"kubeadm-config\" in the \"kube-system\" namespace was not found")),
    "config.fatal": ((ALL, "[upgrade/config] FATAL"), ((1, 32), "[upgrade/init config] FATAL")),
    "preflight": ((ALL, "[preflight] Running pre-flight checks."),),
    "apply.preflight": ((ALL, "[preflight] Running pre-flight checks."), ((1, 32), "[upgrade/preflight] Running preflight checks")),
    "health": ((ALL, "[upgrade] Making sure the cluster is healthy:"), ((1, 17), "[upgrade] Running cluster health checks")),
    "health.fatal": ((ALL, "[upgrade/health] FATAL"),),
    "health.skipped": (
        (ALL, "The preflight check \"CreateJob\" was skipped because there are no schedulable Nodes in the cluster."),),
    # ---- plan ----
    "plan.fetching": ((ALL, "[upgrade] Fetching available versions to upgrade to"),),
    "versions.cluster": ((ALL, "[upgrade/versions] Cluster version: {version}"),),
    "versions.kubeadm": ((ALL, "[upgrade/versions] kubeadm version: v{version}"),),
    "versions.target": ((ALL, "[upgrade/versions] Latest stable version: v{version}"),
                        ((1, 22), "[upgrade/versions] Target version: v{version}")),
    "versions.series": ((ALL, "[upgrade/versions] Latest version in the {series} series: v{version}"),),
    "versions.experimental": ((ALL, "[upgrade/versions] Latest experimental version: v{version}"),),
    "plan.up-to-date": ((ALL, "Awesome, you're up-to-date! Enjoy!"), ((1, 18), None)),
    "plan.manual": (
        (ALL, "Components that must be upgraded manually after you have upgraded the control plane with 'kubeadm upgrade apply':"),),
    # ---- apply ----
    "apply.cri": ((ALL, None), ((1, 13), "[upgrade/apply] Respecting the --cri-socket flag that is set with higher priority than the "
                                         "config file."), ((1, 14), None)),
    "apply.chosen": (
        (ALL, "[upgrade/version] You have chosen to change the cluster version to \"v{version}\""),
        ((1, 32), "[upgrade/preflight] You have chosen to upgrade the cluster version to \"v{version}\"")),
    "apply.fatal-version": (
        (ALL, "[upgrade/version] FATAL: the --version argument is invalid due to these fatal errors:\n\n{errors}\n"
              "Please fix the misalignments highlighted above and try upgrading again"),
        ((1, 32), "error execution phase preflight: the version argument is invalid due to these fatal errors:\n\n{errors}\n"
                  "Please fix the misalignments highlighted above and try upgrading again")),
    "apply.wrong-version": (
        (ALL, "[upgrade/version] FATAL: the --version argument is invalid due to these errors:\n\n{errors}\n"
              "Can be bypassed if you pass the --force flag"),
        ((1, 32), "error execution phase preflight: the version argument is invalid due to these errors:\n\n{errors}\n"
                  "Can be bypassed if you pass the --force flag")),
    "apply.forced": (
        (ALL, "[upgrade/version] Found {count} potential version compatibility errors but skipping since the --force flag is "
              "set: \n\n{errors}"),
        ((1, 32), "[upgrade/preflight] Found {count} potential version compatibility errors but skipping since the --force "
                  "flag is set: \n\n{errors}")),
    "apply.question": (
        (ALL, "[upgrade/confirm] Are you sure you want to proceed with the upgrade? [y/N]: "),
        ((1, 25), "[upgrade] Are you sure you want to proceed? [y/N]: ")),
    "apply.no": ((ALL, "won't proceed; the user didn't answer (Y|y) in order to continue"),
                 ((1, 32), "error execution phase preflight: won't proceed; the user didn't answer (Y|y) in order to continue")),
    "pull.1": ((ALL, "[{phase}] Pulling images required for setting up a Kubernetes cluster"),),
    "pull.2": ((ALL, "[{phase}] This might take a minute or two, depending on the speed of your internet connection"),),
    "pull.3": ((ALL, "[{phase}] You can also perform this action in beforehand using 'kubeadm config images pull'"),
               ((1, 31), "[{phase}] You can also perform this action beforehand using 'kubeadm config images pull'")),
    "pull.would": ((ALL, "[{phase}] Would pull the required images (like 'kubeadm config images pull')"),),
    "prepull.will": (
        (ALL, "[upgrade/prepull] Will prepull images for components [kube-apiserver kube-controller-manager kube-scheduler etcd]"),),
    "prepull.one": ((ALL, "[upgrade/prepull] Prepulling image for component {component}."),),
    "prepull.done": ((ALL, "[upgrade/prepull] Prepulled image for component {component}."),),
    "prepull.all": ((ALL, "[upgrade/prepull] Successfully prepulled the images for all the control plane components"),),
    "apply.upgrading": (
        (ALL, "[upgrade/apply] Upgrading your Static Pod-hosted control plane to version \"v{version}\"..."),
        ((1, 25), "[upgrade/apply] Upgrading your Static Pod-hosted control plane to version \"v{version}\" (timeout: 5m0s)..."),
        ((1, 32), "[upgrade/control-plane] Upgrading your static Pod-hosted control plane to version \"v{version}\" "
                  "(timeout: 5m0s)...")),
    "apply.fatal": ((ALL, "[upgrade/apply] FATAL"), ((1, 32), "error execution phase control-plane: couldn't complete the static "
                                                              "pod upgrade")),
    "apply.done-plane": (
        (ALL, None), ((1, 32), "[upgrade/control-plane] The control plane instance for this node was successfully upgraded!")),
    "apply.success": (
        (ALL, "\n[upgrade/successful] SUCCESS! Your cluster was upgraded to \"v{version}\". Enjoy!\n\n"
              "[upgrade/kubelet] Now that your control plane is upgraded, please proceed with upgrading your kubelets if you "
              "haven't already done so."),
        ((1, 32), "\n[upgrade] SUCCESS! A control plane node of your cluster was upgraded to \"v{version}\".\n\n"
                  "[upgrade] Now please proceed with upgrading the rest of the nodes by following the right order.")),
    "dryrun.finished": ((ALL, "[dryrun] Finished dryrunning successfully!"),
                        ((1, 32), "[upgrade/successful] Finished dryrunning successfully!")),
    # ---- static pods ----
    "pods.hash": ((ALL, "Static pod: {pod} hash: {hash}"), ((1, 25), None)),
    "pods.writing": ((ALL, "[upgrade/staticpods] Writing new Static Pod manifests to \"{folder}\""),),
    "pods.preparing": ((ALL, None), ((1, 16), "[upgrade/staticpods] Preparing for \"{component}\" upgrade")),
    "pods.equal": (
        (ALL, "[upgrade/staticpods] current and new manifests of {component} are equal, skipping upgrade"),
        ((1, 16), "[upgrade/staticpods] Current and new manifests of {component} are equal, skipping upgrade")),
    "pods.renewing": ((ALL, None), ((1, 16), "[upgrade/staticpods] Renewing {certificate} certificate")),
    "pods.moved": (
        (ALL, "[upgrade/staticpods] Moved new manifest to \"{path}\" and backed up old manifest to \"{backup}\""),
        ((1, 31), "[upgrade/staticpods] Moving new manifest to \"{path}\" and backing up old manifest to \"{backup}\"")),
    "pods.restarting": (
        (ALL, "[upgrade/staticpods] Restarting the {component} static pod and backing up its manifest to \"{backup}\""),),
    "pods.waiting": ((ALL, "[upgrade/staticpods] Waiting for the kubelet to restart the component"),),
    "pods.patience": (
        (ALL, None),
        ((1, 12), "[upgrade/staticpods] This might take a minute or longer depending on the component/version gap (timeout 5m0s)"),
        ((1, 31), "[upgrade/staticpods] This can take up to 5m0s")),
    "pods.found": ((ALL, "[apiclient] Found {count} Pods for label selector {selector}"),),
    "pods.upgraded": ((ALL, "[upgrade/staticpods] Component \"{component}\" upgraded successfully!"),),
    "pods.rolled-back": (
        (ALL, "couldn't upgrade control plane. kubeadm has tried to recover everything into the earlier state. Errors faced"),),
    "pods.timeout": (
        (ALL, "timed out waiting for the condition"),
        ((1, 27), "static Pod hash for component {component} on Node {node} did not change after 5m0s: timed out waiting for the "
                  "condition"),
        ((1, 31), "static Pod hash for component {component} on Node {node} did not change after 5m0s: context deadline "
                  "exceeded")),
    "pods.not-running": (
        (ALL, "timed out waiting for the condition"), ((1, 31), "context deadline exceeded")),
    # ---- etcd ----
    "etcd.tls": ((ALL, None), ((1, 14), "[upgrade/etcd] Upgrading to TLS for etcd"), ((1, 31), None)),
    "etcd.waiting": ((ALL, "[upgrade/etcd] Waiting for etcd to become available"),),
    "etcd.unhealthy": ((ALL, "etcd cluster is not healthy"),),
    "etcd.failed": ((ALL, "[upgrade/etcd] Failed to upgrade etcd: {error}"),),
    "etcd.previous": ((ALL, "[upgrade/etcd] Waiting for previous etcd to become available"),),
    "etcd.no-health": ((ALL, "[upgrade/etcd] Failed to healthcheck etcd: {error}"),),
    "etcd.no-previous": ((ALL, "[upgrade/etcd] Failed to healthcheck previous etcd: {error}"),),
    "etcd.rolling-data": ((ALL, "[upgrade/etcd] Rolling back etcd data"),),
    "etcd.rolled-data": ((ALL, "[upgrade/etcd] Etcd data rollback successful"),),
    "etcd.rolling-manifest": ((ALL, "[upgrade/etcd] Rolling back etcd manifest"),),
    "etcd.rolled": ((ALL, "[upgrade/etcd] Etcd was rolled back and is now available"),),
    "etcd.rolled-fatal": (
        (ALL, "fatal error when trying to upgrade the etcd cluster: {error}, rolled the state back to pre-upgrade state"),
        ((1, 16), "fatal error when trying to upgrade the etcd cluster, rolled the state back to pre-upgrade state: {error}")),
    "etcd.lost-fatal": (
        (ALL, "fatal error rolling back local etcd cluster manifest, the backup of etcd database is stored here:({folder}): {error}"),),
    "etcd.not-fatal": ((ALL, "[upgrade/etcd] Non fatal issue encountered during upgrade: {error}"),),
    "etcd.older": (
        (ALL, "the desired etcd version for this Kubernetes version \"v{version}\" is \"{wanted}\", but the current etcd version is "
              "\"{current}\". Won't downgrade etcd, instead just continue"),
        ((1, 31), "the desired etcd version \"{wanted}\" is older than the currently installed \"{current}\". Skipping etcd upgrade")),
    # ---- afterwards ----
    "post.label": (
        (ALL, None),
        ((1, 20), "[upgrade/postupgrade] Applying label node-role.kubernetes.io/control-plane='' to Nodes with label "
                  "node-role.kubernetes.io/master='' (deprecated)"),
        ((1, 22), "[upgrade/postupgrade] Applying label node-role.kubernetes.io/control-plane='' to Nodes with label "
                  "node-role.kubernetes.io/master='' (deprecated)"),
        ((1, 24), "[upgrade/postupgrade] Removing the deprecated label node-role.kubernetes.io/master='' from all control plane "
                  "Nodes. After this step only the label node-role.kubernetes.io/control-plane='' will be present on control "
                  "plane Nodes."),
        ((1, 25), None)),
    "post.taint": (
        (ALL, None),
        ((1, 24), "[upgrade/postupgrade] Adding the new taint &Taint{{Key:node-role.kubernetes.io/control-plane,Value:,"
                  "Effect:NoSchedule,TimeAdded:<nil>,}} to all control plane Nodes. After this step both taints "
                  "&Taint{{Key:node-role.kubernetes.io/control-plane,Value:,Effect:NoSchedule,TimeAdded:<nil>,}} and "
                  "&Taint{{Key:node-role.kubernetes.io/master,Value:,Effect:NoSchedule,TimeAdded:<nil>,}} should be present on "
                  "control plane Nodes."),
        ((1, 25), "[upgrade/postupgrade] Removing the old taint &Taint{{Key:node-role.kubernetes.io/master,Value:,"
                  "Effect:NoSchedule,TimeAdded:<nil>,}} from all control plane Nodes. After this step only the "
                  "&Taint{{Key:node-role.kubernetes.io/control-plane,Value:,Effect:NoSchedule,TimeAdded:<nil>,}} taint will be "
                  "present on control plane Nodes."),
        ((1, 26), None)),
    "post.config": (
        (ALL, "[uploadconfig] storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace"),
        ((1, 14), "[upload-config] storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace"),
        ((1, 15), "[upload-config] Storing the configuration used in ConfigMap \"kubeadm-config\" in the \"kube-system\" Namespace")),
    "post.kubelet-map": (
        (ALL, None),
        ((1, 11), "[kubelet] Creating a ConfigMap \"{name}\" in namespace kube-system with the configuration for the kubelets in "
                  "the cluster")),
    "post.download": (
        (ALL, None),
        ((1, 11), "[kubelet] Downloading configuration for the kubelet from the \"{name}\" ConfigMap in the kube-system namespace"),
        ((1, 17), None)),
    "post.temporary": (
        (ALL, None), ((1, 32), "Using temporary directory {folder} for kubelet config. To override it set the environment "
                               "variable KUBEADM_UPGRADE_DRYRUN_DIR")),
    "post.backup": ((ALL, None), ((1, 27), "[upgrade] Backing up kubelet config file to {folder}/config.yaml")),
    "post.kubelet-file": (
        (ALL, None),
        ((1, 11), "[kubelet] Writing kubelet configuration to file \"/var/lib/kubelet/config.yaml\""),
        ((1, 13), "[kubelet-start] Writing kubelet configuration to file \"/var/lib/kubelet/config.yaml\"")),
    "post.cri": (
        (ALL, None),
        ((1, 12), "[patchnode] Uploading the CRI Socket information \"{socket}\" to the Node API object \"{node}\" as an annotation"),
        ((1, 14), None)),
    "post.kubeconfigs": ((ALL, None), ((1, 29), "[kubeconfig] Writing \"{name}\" kubeconfig file")),
    "apply.kubeconfig": (
        (ALL, None), ((1, 32), "[upgrad/kubeconfig] The kubeconfig files for this node were successfully upgraded!"),
        ((1, 33), "[upgrade/kubeconfig] The kubeconfig files for this node were successfully upgraded!")),
    "apply.kubelet": (
        (ALL, None),
        ((1, 32), "[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!")),
    "apply.bootstrap": ((ALL, None), ((1, 32), "[upgrade/bootstrap-token] Configuring bootstrap token and cluster-info RBAC rules")),
    "token.get": ((ALL, None), ((1, 19), "[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to get nodes")),
    "token.post": (
        (ALL, "[bootstraptoken] configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get long "
              "term certificate credentials"),
        ((1, 14), "[bootstrap-token] configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get "
                  "long term certificate credentials"),
        ((1, 23), "[bootstrap-token] Configured RBAC rules to allow Node Bootstrap tokens to post CSRs in order for nodes to get "
                  "long term certificate credentials")),
    "token.approve": (
        (ALL, "[bootstraptoken] configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a Node "
              "Bootstrap Token"),
        ((1, 14), "[bootstrap-token] configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a "
                  "Node Bootstrap Token"),
        ((1, 23), "[bootstrap-token] Configured RBAC rules to allow the csrapprover controller automatically approve CSRs from a "
                  "Node Bootstrap Token")),
    "token.rotate": (
        (ALL, "[bootstraptoken] configured RBAC rules to allow certificate rotation for all node client certificates in the cluster"),
        ((1, 14), "[bootstrap-token] configured RBAC rules to allow certificate rotation for all node client certificates in the "
                  "cluster"),
        ((1, 23), "[bootstrap-token] Configured RBAC rules to allow certificate rotation for all node client certificates in the "
                  "cluster")),
    "token.kubelet-client": (
        (ALL, None), ((1, 34), "[bootstrap-token] Configured RBAC rules to allow the API server kubelet client certificate to "
                               "access the kubelet API")),
    "addons.applied": ((ALL, "[addons] Applied essential addon: {name}"),),
    "addons.skipped": (
        (ALL, "[upgrade/addons] skip upgrade addons because control plane instances {nodes} have not been upgraded"),
        ((1, 32), "[upgrade/addon] Skipping upgrade of addons because control plane instances {nodes} have not been upgraded")),
    # ---- node ----
    "node.preflight": ((ALL, None), ((1, 16), "[preflight] Running pre-flight checks"), ((1, 32), "[upgrade/preflight] Running pre-flight checks")),
    "node.no-pull": ((ALL, None), ((1, 17), "[preflight] Skipping prepull. Not a control plane node."),
                     ((1, 32), "[upgrade/preflight] Skipping prepull. Not a control plane node.")),
    "node.not-plane": ((ALL, "[upgrade] Skipping phase. Not a control plane node"),
                       ((1, 16), "[upgrade] Skipping phase. Not a control plane node."),
                       ((1, 32), "[upgrade/control-plane] Skipping phase. Not a control plane node.")),
    "node.upgrading": (
        (ALL, "[upgrade] Upgrading your Static Pod-hosted control plane instance to version \"v{version}\"..."),
        ((1, 32), "[upgrade/control-plane] Upgrading your Static Pod-hosted control plane instance to version \"v{version}\"...")),
    "node.plane-done": (
        (ALL, "[upgrade] The control plane instance for this node was successfully updated!"),
        ((1, 32), "[upgrade/control-plane] The control plane instance for this node was successfully upgraded!")),
    "node.plane-failed": ((ALL, "error execution phase control-plane: couldn't complete the static pod upgrade"),),
    "node.no-kubeconfig": ((ALL, None), ((1, 32), "[upgrade/kubeconfig] Skipping phase. Not a control plane node.")),
    "node.config-done": (
        (ALL, "[upgrade] The configuration for this node was successfully updated!"),
        ((1, 32), "[upgrade/kubelet-config] The kubelet configuration for this node was successfully upgraded!")),
    "node.now": ((ALL, "[upgrade] Now you should go ahead and upgrade the kubelet package using your package manager."), ((1, 32), None)),
    "node.no-addon": ((ALL, None), ((1, 32), "[upgrade/addon] Skipping the addon/{name} phase. Not a control plane node.")),
}
UNVERIFIED = frozenset("""config.missing config.missing-error apply.forced pull.would
    pods.timeout pods.not-running etcd.unhealthy etcd.failed etcd.previous etcd.no-health etcd.no-previous etcd.rolling-data
    etcd.rolled-data etcd.rolling-manifest etcd.rolled etcd.rolled-fatal etcd.lost-fatal etcd.not-fatal etcd.older""".split())
"""Read in the source of some version only, or from memory for the versions between two that were seen."""


@cache
def _row(name: str, version: tuple[int, ...]) -> str | None:
    found = None
    for since, text in MESSAGES[name]:
        if since <= version:
            found = text
    return found


def say(name: str, version: tuple[int, ...], /, **values: Any) -> str | None:
    """Give a text in a version (minor or patch), with its values; None where that version says nothing."""
    text = _row(name, version)
    return None if text is None else text.format(**values)

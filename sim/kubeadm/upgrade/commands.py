"""The commands under kubeadm upgrade, with their flags by version."""

from __future__ import annotations

from sim.kubeadm.frame.command import Command, Flag
from sim.kubeadm.upgrade import apply, node, plan, preview

IGNORE = Flag("ignore-preflight-errors", (), "A list of checks whose errors will be shown as warnings. Example: "
              "'IsPrivilegedUser,Swap'. Value 'all' ignores errors from all checks.")
CONFIG = Flag("config", "", "Path to a kubeadm configuration file.", modelled=False)
PATCHES = Flag("patches", "", "Path to a directory that contains files named \"target[suffix][+patchtype].extension\".", since=(1, 19),
               modelled=False)
KUBECONFIG = Flag("kubeconfig", "", "The kubeconfig file to use when talking to the cluster. If the flag is not set, a set of "
                  "standard locations can be searched for an existing kubeconfig file.")
ETCD = Flag("etcd-upgrade", True, "Perform the upgrade of etcd.")
RENEWAL = Flag("certificate-renewal", True, "Perform the renewal of certificates used by component changed during upgrades.",
               since=(1, 14))
DRY = Flag("dry-run", False, "Do not change any state, just output what actions would be performed.")
COMMON = (
    Flag("allow-experimental-upgrades", False, "Show unstable versions of Kubernetes as an upgrade alternative and allow "
         "upgrading to an alpha/beta/release candidate versions of Kubernetes."),
    Flag("allow-release-candidate-upgrades", False, "Show release candidate versions of Kubernetes as an upgrade alternative and "
         "allow upgrading to a release candidate versions of Kubernetes."),
    CONFIG, Flag("feature-gates", "", "A set of key=value pairs that describe feature gates for various features.", modelled=False),
    IGNORE, KUBECONFIG, Flag("print-config", False, "Specifies whether the configuration file that will be used in the upgrade "
                             "should be printed or not."),
)
NODE = (RENEWAL, DRY, ETCD, IGNORE, KUBECONFIG, PATCHES, Flag("skip-phases", (), "List of phases to be skipped", modelled=False))
COMMANDS = (
    Command("upgrade", "Upgrade your cluster smoothly to a newer version with this command"),
    Command("upgrade plan", "Check which versions are available to upgrade to and validate whether your current cluster is "
            "upgradeable.", plan.run, (*COMMON, ETCD, Flag("output", "text", "Output format. One of: text|json|yaml.", "o",
                                                         since=(1, 24))), arguments="[version] [flags]", most=1),
    Command("upgrade apply", "Upgrade your Kubernetes cluster to the specified version", apply.run,
            (*COMMON, DRY, ETCD, RENEWAL, PATCHES, Flag("skip-phases", (), "List of phases to be skipped", modelled=False, since=(1, 32)),
             Flag("force", False, "Force upgrading although some requirements might not be met. This also implies "
                  "non-interactive mode.", "f"),
             Flag("yes", False, "Perform the upgrade and do not prompt for confirmation (non-interactive mode).", "y")),
            arguments="[version]", most=1),
    Command("upgrade diff", "Show what differences would be applied to existing static pod manifests. See also: kubeadm upgrade "
            "apply --dry-run", preview.diff,
            (CONFIG, KUBECONFIG, Flag("context-lines", "3", "How many lines of context in the diff", "c", "int")),
            arguments="[version] [flags]", most=1),
    Command("upgrade node", "Upgrade commands for a node in the cluster", node.run, NODE, since=(1, 15)),
    Command("upgrade node phase", "Use this command to invoke single phase of the \"node\" workflow", since=(1, 15)),
    Command("upgrade node phase control-plane", "Upgrade the control plane instance deployed on this node, if any", node.plane_phase,
            NODE, since=(1, 15)),
    Command("upgrade node phase kubelet-config", "Upgrade the kubelet configuration for this node", node.kubelet_phase, NODE,
            since=(1, 15)),
)
OLD = (
    Command("upgrade node", "Upgrade commands for a node in the cluster", since=(1, 11), until=(1, 15)),
    Command("upgrade node config", "Download the kubelet configuration from the cluster ConfigMap kubelet-config-1.X, where X is "
            "the minor version of the kubelet", node.old_config,
            (Flag("kubelet-version", "", "The *desired* version for the kubelet config after the upgrade. If not specified, the "
                  "KubernetesVersion from the kubeadm-config ConfigMap will be used"), KUBECONFIG,
             Flag("dry-run", False, "Do not change any state, just output the actions that would be performed", modelled=False)),
            since=(1, 11), until=(1, 16)),
    Command("upgrade node experimental-control-plane", "Upgrade the control plane instance deployed on this node. IMPORTANT. This "
            "command should be executed after executing `kubeadm upgrade apply` on another control plane instance",
            node.old_plane, since=(1, 12), until=(1, 15)),
)

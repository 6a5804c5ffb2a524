"""kubeadm upgrade: plan, apply, node, diff. May import frame and phases; the reference is cmd/kubeadm/app/{cmd,phases}/upgrade."""

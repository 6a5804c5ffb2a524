"""The controllers of certificate requests: they approve those of kubelets, and sign what was approved."""

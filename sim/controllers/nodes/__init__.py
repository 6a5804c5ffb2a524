"""Controllers about nodes: lifecycle (NotReady, taints), taint eviction, pod garbage collection."""

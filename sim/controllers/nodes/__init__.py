"""Controllers about nodes: lifecycle (NotReady, taints, zones), taint eviction, pod garbage collection, ttl."""

"""What is known of each Kubernetes and etcd version: releases, support windows, images, defaults, feature gates.

Data with a source per fact (`releases.json`, `defaults.json`) behind small typed functions; the skew policy and upgrade
paths are computed from it. Imports `sim.api` only; leaves out what a component does with a version (that is the
component's own code).
"""

"""The simulated world: clusters, hosts, shells and labs on one simulated clock.

No terminal, no sockets, no wall clock, no threads in here; `sim.http` and `sim.cli` are the outer skins.
The map of the folders is docs/architecture.md.
"""

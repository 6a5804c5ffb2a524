"""The web outside the lab, as far as maintenance fetches from it: keys of repositories, released programs, version labels.

Uses `sim.versions` for what is released; knows no command line. An address that is not modelled is not simulated; only
names that nobody may own (RFC 2606, 6761) do not resolve.
"""

from sim.lab.catalogue import find
from sim.lab.lab import Lab
from sim.lab.scenario import load


def lab(name="os-upgrades", **options):
    return Lab(load(find(name)), **options)

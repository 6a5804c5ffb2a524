"""Debian packages on a host: dpkg's database, apt's sources and indexes, what the repositories of the world offer.

A package's files are what makes its programs exist: removed, replaced or damaged they act for the true reason.
Uses `sim.versions` for release dates; knows no command line. Left out: architectures but amd64, alternatives, triggers.
"""

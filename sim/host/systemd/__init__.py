"""systemd on a host: unit files, units, their manager and the journal.

May import files and programs; what units run is given by the host. Left out: targets, sockets, timers, cgroups.
"""

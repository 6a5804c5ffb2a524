"""Labs: hosts, one clock, one recording. Scenarios, goals, undo, why and the proof of a lab live here.

It composes what lies below (hosts, components, shell); it has no terminal and no wall clock.
"""

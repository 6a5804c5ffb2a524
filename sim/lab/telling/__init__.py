"""Tells what happened and what will: why, timers, the debrief, reports, the history as JSON lines.

Everything here reads a lab and changes nothing in it.
"""

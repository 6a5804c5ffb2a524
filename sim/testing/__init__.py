"""Tests that make up their own stories: strategies for lines and faults, and a state machine over a lab.

Needs the extra `testing` (hypothesis). Imports labs and invariants; nothing imports it but tests.
"""

"""Bash in every login, system tools and kubectl: what a learner types at.

The only place that knows bashkit. It may import hosts and components; no asyncio, no threads.
"""

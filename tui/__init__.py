"""What a learner sees: the plain line mode and the Textual app.

It may import `sim.lab`; nothing in `sim` but the command line imports it. No semantics of clusters in here.
"""

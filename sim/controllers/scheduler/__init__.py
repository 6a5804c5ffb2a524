"""The scheduler: puts pods on nodes. `scheduler.py` is the loop, `filters.py` says no, `scores.py` says which."""

"""Goals: does it hold, and if not, what is to be said. Pure reads of the store, the hosts and the history.

`compare` knows values, `objects` which objects are meant, `moments` what happened when, `judge` puts them together.
"""

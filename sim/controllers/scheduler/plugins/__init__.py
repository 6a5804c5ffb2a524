"""The scheduler's plugins: what refuses a node and what prefers one, each named as upstream's.

`filters` and `scores` look at one node; `spread` and `interpod` count over all nodes, with `tally`; `volumes` at claims,
`images` at what nodes have pulled.
"""

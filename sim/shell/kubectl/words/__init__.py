"""What words mean: the client's commands, their flags and help pages, and how a word is completed.

Data of the real clients of several versions; it may import nothing of the commands. Left out: plugins.
"""

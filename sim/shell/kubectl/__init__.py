"""kubectl, simulated: text, status, order and timing as the real one's; requests go through the API server's one door.

`command.py` is the frame; each other file is a family of verbs. What is not built refuses (120).
"""

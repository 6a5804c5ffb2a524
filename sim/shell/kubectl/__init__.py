"""kubectl, simulated: text, status, order and timing as the real one's; requests go through the API server's one door.

`frame` finds the verb, reads its flags and speaks to the server; `printing` lays out what is shown; `reading`, `describe`
and `writing` hold the verbs. `data` has every help page of the real client, from which the flags are read. What is not
built refuses (120).
"""

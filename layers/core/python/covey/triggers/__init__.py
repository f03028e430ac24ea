"""Events that are not HTTP, as plain calls: thin `(event, context)` functions made from work.

changes.py   table changes, in order, with partial batch failures
queue.py     queue messages, with partial batch failures
schedule.py  a slot of a schedule
upload.py    objects that were stored
socket.py    a socket that opens, says something, or goes
clock.py     how much of an invocation's time is left
"""

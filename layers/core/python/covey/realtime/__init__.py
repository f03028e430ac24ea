"""Realtime: who listens to what, and who is told of a change.

model.py     connections and subscriptions
ports.py     where they are kept
sockets.py   how a connection is reached (the port of the socket API)
tickets.py   single-use tickets that open a socket as somebody
messages.py  what a client may say, and the answers: to each kind its handler
frames.py    a message of a client, decoded
signing_in.py   `auth`
subscribing.py  `subscribe`, `unsubscribe`
fan_out.py   a batch of changes to the sockets that may know of them
"""

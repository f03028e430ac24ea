"""Realtime: who listens to what, and who is told of a change.

model.py     connections and subscriptions
ports.py     where they are kept
sockets.py   how a connection is reached (the port of the socket API)
tickets.py   single-use tickets that open a socket as somebody
messages.py  what a client may say, and the answers: to each kind its handler
frames.py    a message of a client, decoded
pacing.py    how fast a socket may send
signing_in.py   `auth`
subscribing.py  `subscribe`, `unsubscribe`
fan_out.py   a batch of changes to the sockets that may know of them
topics.py    where a change finds the subscriptions that may want it
batch.py     changes on their way, kept for who was away a moment
judging.py   what a change means to whom: listening.py
presences.py who listens, as of now
delivery.py  frames to many sockets at once
catching_up.py  what was missed, and what there is: what a subscription begins with
"""

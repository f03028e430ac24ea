"""Channels: what members of one say to each other over sockets, and who of them is there.

model.py      a channel, the address of one room of it, and its members
document.py   channels as documents: read, checked, written
yaml_files.py a folder of them
catalog.py    which channels there are
ports.py      where declarations and members are kept, and how members are told
access.py     who may subscribe, publish and be present, by the one `authorize`
sending.py    events to the sockets of a room
rooms.py      a room's members told of something, each under the rules of that moment
service.py    joining, leaving, publishing, presence
presence.py   who is there, each user once
callers.py    whom sockets speak for now
messages.py   what sockets say about channels: `join`, `leave`, `publish`, `state`, `presence`
sweeping.py   drops what connections left that are gone
"""

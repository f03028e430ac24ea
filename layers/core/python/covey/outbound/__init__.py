"""Calls of other servers, whose addresses others may have written: one client for all of them.

urls.py       which addresses are called at all, by their text
addresses.py  which places on the network a name may lead to
resolving.py  names to addresses, once and in bounded time
wire.py       a connection under one deadline and one limit of bytes
client.py     a request and its answer; no redirects, no second look at the name
"""

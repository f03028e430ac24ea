"""The ``covey`` command.

command            what can be asked
collections_push   collections/ → catalog: the changes, shown and applied
"""

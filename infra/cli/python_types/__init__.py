"""``covey types``: the collections of a project as Python's types.

hints.py    a field → the type of its value, read, given and patched
module.py   collections → the text of a module of TypedDicts
written.py  where they come from, and where the module goes
"""

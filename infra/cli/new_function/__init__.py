"""``covey new function``: a folder in functions/, and everything that must know of it.

kinds.py    the triggers, what each asks and which files it has: parts/
naming.py   what a function is called, in each of its places, and which names are taken
editing.py  template.yaml, app.py and the others with a few lines more, all else as it was
making.py   all of it, or nothing
"""

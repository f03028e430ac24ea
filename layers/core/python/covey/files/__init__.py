"""Stored files.

blobs.py            one bucket (the port)
directory.py        a directory in place of a bucket; directory_parts.py: objects in the making
links.py            signed links to the directory
growing.py          an object that is written over several runs of a job
"""

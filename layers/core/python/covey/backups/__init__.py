"""A whole deployment as one file, and back.

blocks.py      the file: gzip members of JSON lines, each sealed by a chain of digests
ports.py       credentials as they are kept
backing_up.py  the job that writes the file
checking.py    reads a file from end to end, before anything of it is believed
restoring.py   the job that makes a deployment what a file says
placing.py     one record of it
service.py     starts both, for administrators
"""

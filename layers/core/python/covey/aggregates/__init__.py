"""Totals per group, kept from the table's changes.

shares.py      what one record adds to each aggregate of its collection
ports.py       what is asked of a store: marks, and totals changed with them
keeper.py      changes to marks and totals: the pipeline's consumer, builds, mending
reconcile.py   by night: whether all marks are what the records say
request.py     what a caller asks for
matching.py    whether a declared aggregate answers it, for this caller
groups.py      records and totals to groups
service.py     the answer: declared, else computed within the read budget
"""

"""Measurements, printed; ``make bench`` runs the first.

__main__       requests per second by operation, connections and number of records; cold imports
operations     the requests of each operation
seeds          the records they are measured on
imports        what importing a function costs
report         the tables, printed and as bench/README.md
load           the load generator
expressions    the expression language alone
sign_in        signing in, and whether its time tells anything
"""

"""DynamoDB: the one table behind the domain's ports.

keys         every key pattern            encoding     values → bytes in the order of values
codec        values ↔ attribute values    layout       a record as an item, its slots and claims
transport    calls, tries, units          signing, connection, faults   what it is made of
rebuilding   keys of records that are there, brought to what is declared now
records      the record store             reader, transaction, outcomes its reads, writes, errors
planner      how to read a list           constraints, plan, listing, cursor  from filter to page
catalog      the catalog's store          models       PynamoDB models of fixed shape
stream       table stream → changes       tables       the table of template.yaml, created
secret       keys made once, kept in the table
"""

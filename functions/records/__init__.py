"""/records: the records of every collection."""

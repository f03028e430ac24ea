"""Full-text search: postings kept from the table's changes, ranked by BM25.

text        text to folded words: Unicode, accents, scripts without spaces, English stems
query       what a caller typed to what a record must have
contents    what a record contributes to the search of its collection
ranking     BM25 and the two numbers that are rounded for it
ports       what search asks of a store
indexing    the consumer that keeps contributions equal to records
matching    which records may match, best first, from postings alone
finding     the service: every hit is read, asked about and matched again
highlights  where in a text the words are
"""

"""SQL data into Covey and out of it: ``covey import-sql`` and ``covey export-sql``.

In: `reflecting` (a database → tables, with `checks` for what their CHECKs say) → `mapping`
(tables → collections, with `naming`, `column_types`, `defaults`, `index_mapping`) → `yaml_writing`;
then `reading` (rows, page by page) → `converting` (rows → records, ids by `record_ids`) →
`writing` (records → /batch), led by `importing` in the order of `ordering`, which keeps in `state`
how far it is. Out: `exporting`, with the tables of `exported_tables`. `database` opens databases.

Statements are built from SQLAlchemy's constructs alone: no name and no value is ever pasted into
SQL. What a URL knows of passwords is neither printed nor kept.
"""

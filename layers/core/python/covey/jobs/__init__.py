"""Background work: what is queued, what is scheduled, how far it is.

model.py     a job
ports.py     where jobs are kept
queue.py     how a job asks to be run (the port of the queue)
service.py   Jobs: start, look up, list
runner.py    runs one slice of a job, under a lease
rows.py      CSV and JSONL, row by row, each with its place in the file
imports.py   rows to records; report.py: the bad ones, where they are many
exports.py   records to rows
cells.py     from the cells of CSV to values; cell_text.py: from values to cells
owner.py     as whom a job goes on
results.py   a job's files as links
backfills.py asks for builds; backfill.py builds: records to what was declared after them
schedules.py once per slot: the sweep of expired records, the nightly statistics
"""

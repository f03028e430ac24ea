"""Schedules: what runs when, each slot once.

slots.py     instants of a schedule, and rates
cron.py      patterns of five fields, in zones, over changes of the clock
model.py     a schedule; ports.py: where schedules are kept
document.py  a schedule as files, the API and code write it
yaml_files.py  a folder of them
service.py   declare, change, look, run now
runs.py      a slot becomes a job, alone or beside the one before
tick.py      finds the slots that are due, and has each run
"""

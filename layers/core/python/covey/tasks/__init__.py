"""Background tasks from code: Python functions that run later, at least once.

registry.py  @task and @schedule, and what they registered
ports.py     what is kept beside jobs: what is due, what is unique, what was given up
service.py   Tasks: queue one, send what is due, and what was given up: list, again, drop
work.py      runs a task: time-out, attempts, back-off
running.py   the task that runs, as its own code sees it: log, progress, whether to stop
lines.py     what a run said, bounded

A task is a job (`covey.jobs`) of kind ``task``: it is looked at, cancelled and forgotten like one.
"""

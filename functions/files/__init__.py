"""Files: reserved, sent, judged, served, and let go of.

handler.py, routes.py   /files
verify.py               an upload for a record: judge it
uploaded.py             an upload that a job waits for: start the job
sweep.py                every hour: files that nothing holds
"""

"""Jobs: /jobs tells how far background work is; the queue and the schedules run it."""

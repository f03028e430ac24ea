"""What the test's functions share."""

import time


def nap(event):
    time.sleep(float((event["queryStringParameters"] or {}).get("sleep", 0)))

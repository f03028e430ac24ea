"""Does or returns what the body says."""

import json
import os
import signal
import sys
import time


def handler(event, context):
    order = json.loads(event["body"])
    if "sleep" in order:
        time.sleep(order["sleep"])
    if "print" in order:
        print(order["print"])  # noqa: T201
        print("to standard error", file=sys.stderr)  # noqa: T201
    if order.get("die") == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if order.get("die") == "exit":
        sys.exit(3)
    if "raise" in order:
        raise RuntimeError(order["raise"])
    if "size" in order:
        return {"statusCode": 200, "body": "x" * order["size"]}
    return order.get("return")

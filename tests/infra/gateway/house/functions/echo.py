"""Answers with the event, the context and who answers."""

import json
import os

import shared

_state = {}


def handler(event, context):
    # What a careless handler does: keep the caller in a global while it works.
    _state["caller"] = (event["headers"] or {}).get("X-User")
    remaining = context.get_remaining_time_in_millis()
    shared.nap(event)
    answer = {
        "event": event,
        "caller": _state["caller"],
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "context": {
            "request_id": context.aws_request_id,
            "function_name": context.function_name,
            "memory": context.memory_limit_in_mb,
            "arn": context.invoked_function_arn,
            "remaining": remaining,
        },
    }
    return {
        "statusCode": 200,
        "headers": {"Content-Type": "application/json"},
        "body": json.dumps(answer),
    }

"""What the tests add to the house: a witness of changes, and a door for what no API lets in."""

from __future__ import annotations

import json
import os
from typing import Any


def follow(event: dict[str, Any], context: Any) -> None:
    """Write down each change, in one write each; "poison" anywhere in a record cannot be taken."""
    lines = []
    for record in event["Records"]:
        if '"poison"' in json.dumps(record["dynamodb"].get("NewImage", {})):
            raise ValueError("this record cannot be taken")
        lines.append(_line(record))
    descriptor = os.open(os.environ["PROBE_FILE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, "".join(lines).encode())
    finally:
        os.close(descriptor)


def _line(record: dict[str, Any]) -> str:
    data = record["dynamodb"]
    image = data.get("NewImage", {})
    told = {
        "pk": data["Keys"]["pk"]["S"],
        "sk": data["Keys"]["sk"]["S"],
        "kind": record["eventName"],
        "version": int(image["v"]["N"]) if "v" in image else 0,
        "sequence": data["SequenceNumber"],
    }
    return json.dumps(told) + "\n"


def door(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Put a message into the queue of jobs, or an item into the table, as it is."""
    from covey.config import settings
    from covey.store.transport import transport

    asked = json.loads(event["body"])
    if "message" in asked:
        import boto3

        boto3.client("sqs").send_message(
            QueueUrl=os.environ["JOBS_QUEUE_URL"], MessageBody=asked["message"]
        )
    else:
        transport().call("PutItem", {"TableName": settings().table_name, "Item": asked["item"]})
    return {"statusCode": 204, "body": ""}

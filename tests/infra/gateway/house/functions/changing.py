"""Rewritten by the test of reloading."""


def handler(event, context):
    return {"statusCode": 200, "body": "first"}

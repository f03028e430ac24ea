"""SQS over HTTP for boto3 and the like: the AWS JSON 1.0 protocol on the private listener.

Signatures are not checked here; the private listener decides who may talk to it.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from infra.gateway.asgi import (
    BodyTooLargeError,
    Receive,
    Scope,
    Send,
    answer,
    headers,
    read_body,
)
from infra.gateway.city import Queue
from infra.gateway.queues import MAX_BODY, Message, Queues, md5_of, system_attributes
from infra.gateway.sqs_attributes import BadAttributeError, checked, md5_of_attributes, size
from infra.gateway.state import State

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MAX_REQUEST = 2 * MAX_BODY + 65_536
Document = dict[str, Any]


class SqsError(Exception):
    """A refusal: the modern shape name, and the older query code that clients still read."""

    def __init__(self, shape: str, message: str, query: str | None = None) -> None:
        self.shape, self.message, self.query = shape, message, query or shape
        super().__init__(message)


def _invalid(message: str) -> SqsError:
    return SqsError("InvalidParameterValue", message)


class SqsEndpoint:
    """An ASGI application; ``X-Amz-Target: AmazonSQS.{operation}`` chooses what it does."""

    def __init__(self, queues: Queues, state: State) -> None:
        self._queues = queues
        self._state = state
        self._operations: Mapping[str, Callable[[Document], Awaitable[Document | None]]] = {
            "GetQueueUrl": self._get_queue_url,
            "ListQueues": self._list_queues,
            "SendMessage": self._send_message,
            "SendMessageBatch": self._send_message_batch,
            "ReceiveMessage": self._receive_message,
            "DeleteMessage": self._delete_message,
            "DeleteMessageBatch": self._delete_message_batch,
            "ChangeMessageVisibility": self._change_visibility,
            "ChangeMessageVisibilityBatch": self._change_visibility_batch,
            "GetQueueAttributes": self._get_attributes,
            "PurgeQueue": self._purge,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request_id = str(uuid.uuid4())
        fields = {"x-amzn-requestid": request_id, "content-type": "application/x-amz-json-1.0"}
        try:
            document = await self._call(scope, receive)
        except SqsError as error:
            fields["x-amzn-query-error"] = f"{error.query};Sender"
            document = {"__type": f"com.amazonaws.sqs#{error.shape}", "message": error.message}
            await answer(send, 400, json.dumps(document).encode(), fields)
        else:
            await answer(send, 200, json.dumps(document or {}).encode(), fields)

    async def _call(self, scope: Scope, receive: Receive) -> Document | None:
        service, _, name = headers(scope).get("x-amz-target", "").partition(".")
        operation = self._operations.get(name) if service == "AmazonSQS" else None
        if scope["method"] != "POST" or operation is None:
            raise SqsError("UnknownOperationException", f"Unknown operation {name!r}.")
        try:
            request = json.loads(await read_body(receive, _MAX_REQUEST) or b"{}")
        except BodyTooLargeError as error:
            raise _invalid("The request is too large.") from error
        except (ValueError, RecursionError) as error:
            raise SqsError("SerializationException", "The body is not JSON.") from error
        if not isinstance(request, dict):
            raise SqsError("SerializationException", "The body is not an object.")
        return await operation(request)

    # ── queues ─────────────────────────────────────────────────────────────────────────────

    def _queue(self, request: Document) -> Queue:
        name = urlsplit(_text(request, "QueueUrl")).path.rpartition("/")[2]
        return self._named(name)

    def _named(self, name: str) -> Queue:
        try:
            return self._queues.queue(name)
        except KeyError:
            raise SqsError(
                "QueueDoesNotExist",
                "The specified queue does not exist.",
                "AWS.SimpleQueueService.NonExistentQueue",
            ) from None

    async def _get_queue_url(self, request: Document) -> Document:
        return {"QueueUrl": self._named(_text(request, "QueueName")).url}

    async def _list_queues(self, request: Document) -> Document:
        prefix = str(request.get("QueueNamePrefix", ""))
        names = [name for name in self._queues.names() if name.startswith(prefix)]
        return {"QueueUrls": [self._queues.queue(name).url for name in names]}

    async def _get_attributes(self, request: Document) -> Document:
        queue = self._queue(request)
        visible, hidden, delayed = await self._state.run(self._queues.counts, queue.name)
        found = {
            "QueueArn": queue.arn,
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(hidden),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
            "VisibilityTimeout": str(queue.visibility_timeout),
            "MessageRetentionPeriod": str(queue.retention),
            "DelaySeconds": str(queue.delay),
            "MaximumMessageSize": str(MAX_BODY),
            "ReceiveMessageWaitTimeSeconds": "0",
        }
        if queue.dead_letters is not None:
            target = self._queues.queue(queue.dead_letters).arn
            policy = {"deadLetterTargetArn": target, "maxReceiveCount": queue.max_receives}
            found["RedrivePolicy"] = json.dumps(policy)
        wanted = request.get("AttributeNames") or []
        if "All" not in wanted:
            found = {name: value for name, value in found.items() if name in wanted}
        return {"Attributes": found}

    async def _purge(self, request: Document) -> None:
        await self._state.run(self._queues.purge, self._queue(request).name)

    # ── sending ────────────────────────────────────────────────────────────────────────────

    async def _send_message(self, request: Document) -> Document:
        return await self._send_one(self._queue(request), request)

    async def _send_one(self, queue: Queue, entry: Document) -> Document:
        if queue.fifo:
            raise SqsError(
                "UnsupportedOperation",
                "First-in-first-out queues are not served locally.",
                "AWS.SimpleQueueService.UnsupportedOperation",
            )
        body = _text(entry, "MessageBody")
        if not body:
            raise SqsError(
                "MissingParameter", "The request must contain the parameter MessageBody."
            )
        if _FORBIDDEN.search(body):
            raise SqsError(
                "InvalidMessageContents", "Invalid characters were found in the message body."
            )
        try:
            attributes = checked(entry.get("MessageAttributes") or {})
        except BadAttributeError as error:
            raise _invalid(str(error)) from error
        if len(body.encode()) + size(attributes) > MAX_BODY:
            raise _invalid(
                f"One or more parameters are invalid. Reason: Message must be shorter than"
                f" {MAX_BODY} bytes."
            )
        delay = _whole(entry, "DelaySeconds", 0, 900)
        identity = await self._state.run(
            self._queues.send, queue.name, body, attributes=attributes, delay=delay
        )
        found = {"MessageId": identity, "MD5OfMessageBody": md5_of(body)}
        if attributes:
            found["MD5OfMessageAttributes"] = md5_of_attributes(attributes)
        return found

    async def _send_message_batch(self, request: Document) -> Document:
        queue, entries = self._queue(request), _entries(request)
        total = sum(len(str(each.get("MessageBody", "")).encode()) for each in entries)
        if total > MAX_BODY:
            raise SqsError(
                "BatchRequestTooLong",
                f"Batch requests cannot be longer than {MAX_BODY} bytes.",
                "AWS.SimpleQueueService.BatchRequestTooLong",
            )
        return await _each(entries, lambda entry: self._send_one(queue, entry))

    # ── receiving ──────────────────────────────────────────────────────────────────────────

    async def _receive_message(self, request: Document) -> Document:
        queue = self._queue(request)
        limit = _whole(request, "MaxNumberOfMessages", 1, 10) or 1
        visibility = _whole(request, "VisibilityTimeout", 0, 43_200)
        seconds = _whole(request, "WaitTimeSeconds", 0, 20) or 0
        deadline = asyncio.get_running_loop().time() + seconds
        wake = self._queues.listen(queue.name)
        try:
            while True:
                messages = await self._state.run(
                    self._queues.receive, queue.name, limit, visibility=visibility
                )
                left = deadline - asyncio.get_running_loop().time()
                if messages or left <= 0:
                    break
                await self._pause(queue.name, wake, left)
        finally:
            self._queues.unlisten(queue.name, wake)
        return {"Messages": [_rendered(each, request) for each in messages]} if messages else {}

    async def _pause(self, name: str, wake: asyncio.Event, left: float) -> None:
        due = await self._state.run(self._queues.seconds_to_next, name)
        try:
            async with asyncio.timeout(left if due is None else min(left, due + 0.001)):
                await wake.wait()
        except TimeoutError:
            pass
        wake.clear()

    async def _delete_message(self, request: Document) -> None:
        queue = self._queue(request)
        await self._state.run(self._queues.delete, queue.name, [_receipt(request)])

    async def _delete_message_batch(self, request: Document) -> Document:
        queue = self._queue(request)

        async def delete(entry: Document) -> Document:
            await self._state.run(self._queues.delete, queue.name, [_receipt(entry)])
            return {}

        return await _each(_entries(request), delete)

    async def _change_visibility(self, request: Document) -> None:
        await self._change_one(self._queue(request), request)

    async def _change_visibility_batch(self, request: Document) -> Document:
        queue = self._queue(request)
        return await _each(_entries(request), lambda entry: self._change_one(queue, entry))

    async def _change_one(self, queue: Queue, entry: Document) -> Document:
        seconds = _whole(entry, "VisibilityTimeout", 0, 43_200)
        if seconds is None:
            raise SqsError("MissingParameter", "VisibilityTimeout is required.")
        changed = await self._state.run(
            self._queues.change_visibility, queue.name, _receipt(entry), seconds
        )
        if not changed:
            raise _invalid("The receipt handle is not of a message that is in flight.")
        return {}


def _rendered(message: Message, request: Document) -> Document:
    found: Document = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": md5_of(message.body),
    }
    wanted = set(request.get("AttributeNames") or ()) | set(
        request.get("MessageSystemAttributeNames") or ()
    )
    system = system_attributes(message)
    chosen = {k: v for k, v in system.items() if k in wanted or "All" in wanted}
    if chosen:
        found["Attributes"] = chosen
    attributes = _chosen(message.attributes, request.get("MessageAttributeNames") or ())
    if attributes:
        found["MessageAttributes"] = attributes
        found["MD5OfMessageAttributes"] = md5_of_attributes(attributes)
    return found


def _chosen(attributes: Mapping[str, Any], wanted: Any) -> dict[str, Any]:
    def picked(name: str) -> bool:
        return any(
            pattern in ("All", ".*", name)
            or (pattern.endswith(".*") and name.startswith(pattern[:-2]))
            for pattern in wanted
        )

    return {name: value for name, value in attributes.items() if picked(name)}


def _text(document: Document, name: str) -> str:
    value = document.get(name)
    if value is None:
        raise SqsError("MissingParameter", f"The request must contain the parameter {name}.")
    if not isinstance(value, str):
        raise _invalid(f"{name} must be text.")
    return value


def _whole(document: Document, name: str, low: int, high: int) -> int | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _invalid(
            f"Value {value!r} for parameter {name} is invalid. Reason: Must be between {low} and"
            f" {high}, if provided."
        )
    return value


def _receipt(entry: Document) -> str:
    receipt = _text(entry, "ReceiptHandle")
    if not re.fullmatch(r"[0-9a-f-]{36}\.[A-Za-z0-9_-]{24}", receipt):
        raise SqsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    return receipt


def _entries(request: Document) -> list[Document]:
    entries = request.get("Entries")
    prefix = "AWS.SimpleQueueService."
    if not isinstance(entries, list) or not entries:
        raise SqsError("EmptyBatchRequest", "There are no entries.", prefix + "EmptyBatchRequest")
    if len(entries) > 10:
        shape = "TooManyEntriesInBatchRequest"
        raise SqsError(shape, "A batch holds at most 10 entries.", prefix + shape)
    identities = [each.get("Id") if isinstance(each, dict) else None for each in entries]
    if not all(isinstance(each, str) and _BATCH_ID.fullmatch(each) for each in identities):
        raise SqsError("InvalidBatchEntryId", "An Id is not valid.", prefix + "InvalidBatchEntryId")
    if len(set(identities)) < len(identities):
        shape = "BatchEntryIdsNotDistinct"
        raise SqsError(shape, "An Id is repeated.", prefix + shape)
    return entries


async def _each(
    entries: list[Document], work: Callable[[Document], Awaitable[Document]]
) -> Document:
    found: dict[str, list[Document]] = {"Successful": [], "Failed": []}
    for entry in entries:
        try:
            found["Successful"].append({"Id": entry["Id"], **await work(entry)})
        except SqsError as error:
            failure = {"Code": error.query, "Message": error.message, "SenderFault": True}
            found["Failed"].append({"Id": entry["Id"], **failure})
    return found

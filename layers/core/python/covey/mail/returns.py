"""Letters that came back: what SES tells of bounces and complaints.

The forms are those of "Contents of event data that Amazon SES publishes to Amazon SNS" in SES's
developer guide: by a configuration set (``eventType``) or of an identity (``notificationType``),
as text in the envelope that SNS puts into a queue, or bare where delivery is raw.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from covey.mail.message import MAX_ADDRESS
from covey.mail.suppressing import BOUNCE, COMPLAINT, KEPT_S, Suppressed, Suppressions, plain
from covey.records.time import now_ms

MAX_DETAIL = 200


class Returns:
    """Suppresses the addresses that letters come back from."""

    def __init__(self, kept: Suppressions, *, now: Callable[[], int] = now_ms) -> None:
        self._kept = kept
        self._now = now

    def take(self, message: Mapping[str, Any]) -> None:
        """What a message of the queue tells; of anything else nothing follows.

        Told twice, it holds for as long from the second time.
        """
        for address, reason, detail in told(notice_of(message)):
            now = self._now()
            expires = now // 1000 + KEPT_S[reason]
            self._kept.add(Suppressed(address, reason, detail, now, expires))


def notice_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """SES's own words; empty where it says something else, as that it has validated the topic."""
    if message.get("Type") != "Notification":
        return message
    try:
        notice = json.loads(message["Message"])
    except (ValueError, KeyError, TypeError):
        return {}
    return notice if isinstance(notice, dict) else {}


def told(notice: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Addresses that want no letters, each with its reason and a detail.

    Those that bounced for good: a full mailbox is none of them; and those whose readers called a
    letter spam, unless they said that it is not.
    """
    kind = notice.get("eventType") or notice.get("notificationType")
    about = notice.get(str(kind).lower())
    if not isinstance(about, dict):
        return []
    if kind == "Bounce" and about.get("bounceType") == "Permanent":
        detail = str(about.get("bounceSubType", ""))
        return _each(about.get("bouncedRecipients"), BOUNCE, detail)
    if kind == "Complaint" and about.get("complaintFeedbackType") != "not-spam":
        detail = str(about.get("complaintFeedbackType") or "")
        return _each(about.get("complainedRecipients"), COMPLAINT, detail)
    return []


def _each(recipients: Any, reason: str, detail: str) -> list[tuple[str, str, str]]:
    found = []
    for one in recipients if isinstance(recipients, list) else ():
        address = one.get("emailAddress") if isinstance(one, dict) else None
        if isinstance(address, str) and 0 < len(address) <= MAX_ADDRESS:
            said = " ".join([detail, str(one.get("diagnosticCode") or "")]).strip()
            tame = "".join(c for c in said if c.isprintable())[:MAX_DETAIL]
            found.append((plain(address), reason, tame))
    return found

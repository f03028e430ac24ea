"""An after hook gets its change, from the message that was queued for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.hooks.telling import AfterHooks
from covey.pipeline.record_change import RecordChange


def receive(hooks: AfterHooks, message: Mapping[str, Any]) -> None:
    """Call the hook that a message is for.

    Raises what the hook raises, and LookupError for a hook that is not there any more: the message
    then comes again, and lies at last in the dead letters.
    """
    if fault := message.get("fault"):
        raise ValueError(f"{message.get('hook')}: {fault}")
    for hook in hooks.after():
        if hook.name == message.get("hook"):
            hook.call(RecordChange.of(message))
            return
    raise LookupError(f"there is no hook {message.get('hook')!r}")

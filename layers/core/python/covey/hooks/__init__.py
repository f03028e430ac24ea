"""Hooks: the team's own code around writes, declared in ``team/hooks.py``.

    declaring.py  @before and @after, and what they declare
    write.py      Write, what a before hook is given; Refused
    running.py    before hooks run: in turn, not without end, their failures told apart
    loading.py    the team's module, imported when the first write asks for it
    telling.py    what of a change goes to after hooks and to functions, each by its queue
    receiving.py  an after hook gets its change

>>> from covey.hooks import Refused, after, before  # doctest: +SKIP

How to write them is in docs/guide/hooks.md; decision 0024 says what a hook may do.
"""

from typing import TYPE_CHECKING, Any

from covey.hooks.write import Refused, Write

if TYPE_CHECKING:
    from covey.hooks.declaring import after as after
    from covey.hooks.declaring import before as before

__all__ = ["Refused", "Write", "after", "before"]


def __getattr__(name: str) -> Any:
    if name not in ("after", "before"):
        raise AttributeError(f"module 'covey.hooks' has no attribute {name!r}")
    from covey.hooks import declaring  # on first use: every write imports this package

    return getattr(declaring, name)

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

from covey.hooks.declaring import after, before
from covey.hooks.write import Refused, Write

__all__ = ["Refused", "Write", "after", "before"]

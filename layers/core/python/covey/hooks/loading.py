"""The team's hooks: its module, imported when the first write asks for it.

Where there is no such module nothing is imported. One that cannot be imported makes every write
fail, as a hook that is not there cannot refuse: failing open would be the hole. It stays so until
the process ends, as what a second import finds would be half of the hooks.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from covey.hooks.running import hooks_failed

if TYPE_CHECKING:
    from covey.hooks.declaring import After, Before

_log = logging.getLogger(__name__)


class HooksBrokenError(Exception):
    """The module cannot be imported."""


@dataclass(frozen=True, slots=True)
class _Found:
    before: Sequence[Before] = ()
    after: Sequence[After] = ()


class TeamHooks:
    """The hooks that a module declares, by itself or by what it imports."""

    def __init__(self, module: str = "team.hooks") -> None:
        self._module = module

    def before(self, collection: str, action: str) -> list[Before]:
        """The hooks of such a write; raises CoveyError ``hooks_failed``."""
        try:
            found = self._declared.before
        except HooksBrokenError as error:
            _log.error("no write: %s", error)
            raise hooks_failed() from error
        return [hook for hook in found if hook.meets(collection, action)]

    def after(self) -> list[After]:
        """The hooks that follow changes; raises HooksBrokenError."""
        return list(self._declared.after)

    def every(self) -> list[Before | After]:
        """All hooks; raises HooksBrokenError."""
        return [*self._declared.before, *self._declared.after]

    @property
    def _declared(self) -> _Found:
        if isinstance(self._found, HooksBrokenError):
            raise self._found
        return self._found

    @cached_property
    def _found(self) -> _Found | HooksBrokenError:
        try:
            if importlib.util.find_spec(self._module) is None:
                return _Found()
            importlib.import_module(self._module)
        except Exception as error:  # noqa: BLE001 - a module may raise anything
            _log.exception("%s cannot be imported: nothing is written", self._module)
            return HooksBrokenError(f"{self._module} cannot be imported: {error!r}")
        from covey.hooks.declaring import DECLARED, After, Before  # the module has, by now

        return _Found(
            tuple(one for one in DECLARED if isinstance(one, Before)),
            tuple(one for one in DECLARED if isinstance(one, After)),
        )

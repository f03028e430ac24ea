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
from functools import cached_property

from covey.hooks.declaring import DECLARED, After, Before
from covey.hooks.running import hooks_failed

_log = logging.getLogger(__name__)


class HooksBrokenError(Exception):
    """The module cannot be imported."""


class TeamHooks:
    """The hooks that a module declares, by itself or by what it imports."""

    def __init__(self, module: str = "team.hooks") -> None:
        self._module = module

    def before(self, collection: str, action: str) -> list[Before]:
        """The hooks of such a write; raises CoveyError ``hooks_failed``."""
        try:
            return [
                hook
                for hook in self._declared
                if isinstance(hook, Before) and hook.meets(collection, action)
            ]
        except HooksBrokenError as error:
            _log.error("no write: %s", error)
            raise hooks_failed() from error

    def after(self) -> list[After]:
        """The hooks that follow changes; raises HooksBrokenError."""
        return [hook for hook in self._declared if isinstance(hook, After)]

    @property
    def _declared(self) -> Sequence[Before | After]:
        if isinstance(self._found, HooksBrokenError):
            raise self._found
        return self._found

    @cached_property
    def _found(self) -> Sequence[Before | After] | HooksBrokenError:
        try:
            if importlib.util.find_spec(self._module) is None:
                return ()
            importlib.import_module(self._module)
        except Exception as error:  # noqa: BLE001 - a module may raise anything
            _log.exception("%s cannot be imported: nothing is written", self._module)
            return HooksBrokenError(f"{self._module} cannot be imported: {error!r}")
        return tuple(DECLARED)

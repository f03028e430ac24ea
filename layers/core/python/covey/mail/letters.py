"""Letters from templates: ``{kind}.txt`` and ``{kind}.html``, Jinja2 in its sandbox.

The first line of the text is the subject. A team's own templates, in ``team/letters`` of its
layer, come before Covey's: each file alone, so that a team may change only the HTML. Values are
escaped in HTML; a template that names what there is not fails when it is rendered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from covey.mail.message import Message

if TYPE_CHECKING:
    from jinja2 import Environment

OWN = Path(__file__).parent / "letters"
MAX_VALUE = 500


class Letters:
    """Renders letters; `folders` in the order they are looked through."""

    def __init__(self, folders: Sequence[Path], common: Mapping[str, Any]) -> None:
        """`common` are the values that every letter has, such as ``product``."""
        self._folders = folders
        self._common = common

    @cached_property
    def _templates(self) -> Environment:
        from jinja2 import FileSystemLoader, StrictUndefined
        from jinja2.sandbox import SandboxedEnvironment

        return SandboxedEnvironment(
            loader=FileSystemLoader([str(folder) for folder in self._folders]),
            autoescape=lambda name: bool(name and name.endswith(".html")),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def write(self, kind: str, to: str, values: Mapping[str, Any]) -> Message:
        """The letter `kind` to an address; texts are cut at 500 characters and kept on one line.

        What strangers may have written, a name say, so can neither fill a page nor begin a
        paragraph of its own in the text.
        """
        known = {name: _tame(value) for name, value in {**self._common, **values}.items()}
        text = self._templates.get_template(f"{kind}.txt").render(known)
        html = self._templates.get_template(f"{kind}.html").render(known)
        subject, _, body = text.partition("\n")
        return Message(to, subject.strip(), body.strip() + "\n", html, kind)


def folders() -> list[Path]:
    """The team's templates, where there are any, before Covey's."""
    team = find_spec("team")
    places = team.submodule_search_locations if team else None
    return [*(Path(place) / "letters" for place in places or ()), OWN]


def _tame(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(c for c in value if c.isprintable())[:MAX_VALUE]

"""Microseconds per evaluation of a rule, beside an independent CEL implementation.

    PYTHONPATH=layers/core/python python bench/expressions.py

Both evaluate the same texts over the same values in the same run, parsed once beforehand.
cel-python, which the tests compare with, is written in Python; where the package
common-expression-language (in Rust) is installed, it is timed too.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable
from typing import Any

from covey.expressions import bind, parse

RECORD = {
    "title": "Hello, World",
    "author": "u1",
    "published": False,
    "views": 7,
    "tags": ["news", "red"],
    "auth": {"id": "u1", "roles": ["editor"]},
}
EXPRESSIONS = (
    "published || author == auth.id",
    "auth != null && author == auth.id",
    'auth.roles.exists(r, r == "admin") || "editor" in auth.roles',
    'views > 5 && title.startsWith("Hello") && !published && views < 100',
    '("red" in tags ? views * 2 + 1 : views) > 10',
    "published || author == auth.nobody",
)


class Scope:
    """A scope over a dict."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.lookup = values.__getitem__


def microseconds(call: Callable[[], object]) -> float:
    """The best of five runs of a fifth of a second."""
    timer = timeit.Timer(call)
    number = max(1, int(timer.autorange()[0] / 2))
    return min(timer.repeat(5, number)) / number * 1e6


def cel_python(text: str) -> Callable[[], object]:
    """The evaluation by cel-python."""
    import celpy

    environment = celpy.Environment()
    program = environment.program(environment.compile(text))
    values = {name: celpy.json_to_cel(value) for name, value in RECORD.items()}

    def evaluate() -> object:
        try:
            return program.evaluate(values)
        except celpy.CELEvalError as error:
            return error

    return evaluate


def cel_rust(text: str) -> Callable[[], object] | None:
    """The evaluation by common-expression-language, where it is installed."""
    try:
        import cel
    except ImportError:
        return None
    program = cel.compile(text)

    def evaluate() -> object:
        try:
            return program.execute(RECORD)
        except (LookupError, RuntimeError, TypeError, ValueError) as error:
            return error

    return evaluate


def main() -> None:
    """Print the table."""
    scope = Scope(RECORD)
    print(f"{'µs per evaluation':<68}{'covey':>8}{'cel-python':>12}{'cel (Rust)':>12}")
    for text in EXPRESSIONS:
        expression = parse(text)
        rust = cel_rust(text)
        print(
            f"{text:<68}{microseconds(lambda e=expression: e.holds(scope)):>8.2f}"
            f"{microseconds(cel_python(text)):>12.1f}"
            f"{f'{microseconds(rust):.1f}' if rust else '-':>12}"
        )
    text = EXPRESSIONS[0]
    values = {"auth": RECORD["auth"]}
    expression = parse(text)
    print(f"\n{'parse':<12}{microseconds(lambda: parse(text)):>8.1f}")
    print(f"{'bind':<12}{microseconds(lambda: bind(expression, values)):>8.1f}")


if __name__ == "__main__":
    main()

"""What was measured, as tables: for the terminal and for bench/README.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.operations import WORDS


@dataclass(frozen=True, slots=True)
class Measured:
    """One operation at one size and number of connections; times in milliseconds."""

    operation: str
    records: int
    connections: int
    per_second: float
    p50: float
    p99: float
    errors: int
    requests: int


@dataclass(slots=True)
class Report:
    """Everything of one run."""

    measured: list[Measured] = field(default_factory=list)
    rows_per_second: dict[int, float] = field(default_factory=dict)
    imports: Mapping[str, float] = field(default_factory=dict)

    def find(self, operation: str, records: int, connections: int) -> Measured | None:
        """One measurement."""
        for one in self.measured:
            if (one.operation, one.records, one.connections) == (operation, records, connections):
                return one
        return None

    def requests(self) -> list[list[str]]:
        """The table of requests, its head first."""
        head = ["operation", "records", "connections", "requests/s", "p50 ms", "p99 ms", "errors"]
        return [
            head,
            *(
                [
                    one.operation,
                    f"{one.records:,}",
                    str(one.connections),
                    f"{one.per_second:,.0f}",
                    f"{one.p50:.1f}",
                    f"{one.p99:.1f}",
                    str(one.errors),
                ]
                for one in self.measured
            ),
        ]

    def cold_imports(self) -> list[list[str]]:
        """The table of import times, its head first."""
        bare = self.imports.get("(python)", 0.0)
        head = ["function", "ms", "beyond Python's own"]
        return [
            head,
            *([name, f"{ms:.0f}", f"{ms - bare:.0f}"] for name, ms in self.imports.items()),
        ]

    def sentences(self) -> list[str]:
        """What the tables come to."""
        said = [
            f"Import of {count:,} records: {rate:,.0f} rows per second."
            for count, rate in self.rows_per_second.items()
        ]
        sizes = sorted({one.records for one in self.measured})
        if len(sizes) > 1:
            small, large = (self.find("list", size, 1) for size in (sizes[0], sizes[-1]))
            if small and large:
                said.append(
                    f"A list of 20 at {sizes[-1]:,} records takes {large.p50 / small.p50:.2f} "
                    f"times what it takes at {sizes[0]:,} (p50, one connection)."
                )
        return said


def text(rows: Sequence[Sequence[str]]) -> str:
    """A table for the terminal: the first column to the left, numbers to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]

    def line(row: Sequence[str]) -> str:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "  ".join(cells)

    return "\n".join(line(row) for row in rows)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """A table for a page."""
    head, *rest = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "|---" + "|--:" * (len(rows[0]) - 1) + "|", *rest])


def page(report: Report) -> str:
    """bench/README.md."""
    words = "\n".join(f"- **{name}**: {what}" for name, what in WORDS.items())
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    parts = [
        "# Measured",
        "Written by `make bench ARGS='--write bench/README.md'`, on "
        f"{machine}. Gateway, workers, data engine and load generator share the machine: the "
        "figures are those of a laptop under its own load, not of AWS.",
        f"What is measured, over kept-alive connections to a gateway on loopback:\n\n{words}",
        markdown(report.requests()) if report.measured else "",
        "\n".join(report.sentences()),
        "## Cold imports",
        "Importing a function's handler in a fresh process, with `.pyc` files; the median of "
        "several starts in turns. On Lambda it is the most of a cold start that is ours.",
        markdown(report.cold_imports()) if report.imports else "",
        "## By themselves",
        "`python bench/expressions.py` measures the expression language alone, "
        "`python bench/sign_in.py` signing in (with `PYTHONPATH=layers/core/python:.`).",
        "Pages of their own: [heat](heat.md) of partition keys at 20,000 creates a second, "
        "[CPU](cpu.md) beside botocore and PynamoDB, [many reads at once](reads.md), "
        "[units](../docs/reference/costs.md) of every operation, [rules and signing in]"
        "(identity.md). `python -m bench.flights` imports 336,776 flights and compares sizes.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"

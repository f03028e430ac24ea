"""The answer to an aggregate: from what is kept, else by counting within the read budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from covey.aggregates import request as requests
from covey.aggregates.groups import (
    Group,
    Groups,
    count_record,
    group_of,
    ordered,
    shown,
    values_by_name,
)
from covey.aggregates.matching import Fit, Misfit, best, fit
from covey.aggregates.ports import TooManyGroupsError, Total, Totals
from covey.aggregates.request import Asked
from covey.collections.catalog import Catalog
from covey.collections.model import Collection
from covey.collections.scope import RecordScope
from covey.errors import BadRequest, Forbidden, IndexRequired
from covey.expressions import Expression, names
from covey.identity import authorize as access
from covey.identity.principal import Principal
from covey.records.asking import Asking
from covey.records.model import Record
from covey.records.ports import Query, RecordStore
from covey.records.reading import Reader
from covey.records.time import now_ms, rfc3339

THREADS = 8  # that look up the ends of groups


@dataclass(frozen=True, slots=True)
class _Question:
    """One request, with all that was found out about it."""

    asking: Asking
    asked: Asked
    query: Query
    accept: Callable[[Record], bool]
    where: Expression | None  # the caller's own filter


class Counter(Reader):
    """Counts, sums and ends of groups, under the rules."""

    def __init__(
        self,
        store: RecordStore,
        catalog: Catalog,
        totals: Totals,
        *,
        budget: int = 2_000,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        super().__init__(store, catalog, budget=budget, clock=clock)
        self._totals = totals

    def aggregate(
        self,
        principal: Principal,
        collection: str,
        body: Mapping[str, Any],
        *,
        request: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The groups, and where they come from: ``declared`` or ``computed``.

        Raises BadRequest ``invalid_aggregate`` for what cannot be asked, ``aggregate_required``
        with the lines to declare where counting would take more than the budget; Invalid
        ``total_out_of_range``; for an explanation Forbidden ``explain_denied``.
        """
        question = self._question(principal, collection, body, request)
        found = question.asking.collection
        tried = [
            fit(found, name, question.asked, question.query.where) for name in found.aggregates
        ]
        fits = [one for one in tried if isinstance(one, Fit)]
        if question.asked.explain:
            return self._explained(
                question, fits, [one for one in tried if isinstance(one, Misfit)]
            )
        if fits:
            chosen = best(fits)
            try:
                return self._declared(question, chosen)
            except TooManyGroupsError:
                self._refuse(question, "There are more groups than may be read.")
        return self._computed(question)

    # ---- parts

    def _question(
        self,
        principal: Principal,
        collection: str,
        body: Mapping[str, Any],
        request: Mapping[str, Any] | None,
    ) -> _Question:
        filtered = body.get("filter")
        parameters = {"filter": filtered} if isinstance(filtered, str) else {}
        asking, wanted, query = self._query(principal, collection, parameters, request)
        asked = requests.read(asking.principal, asking.collection, body)
        query = replace(query, limit=self._budget)
        return _Question(asking, asked, query, asking.seen(wanted.where), wanted.where)

    def _declared(self, question: _Question, chosen: Fit) -> dict[str, Any]:
        collection, asked = question.asking.collection, question.asked
        aggregate = chosen.aggregate
        kept = [
            total
            for total in self._totals.totals(collection, aggregate, chosen.first, self._budget)
            if self._holds(question, chosen, total)
        ]
        groups: Groups = {}
        sources: dict[int, list[Total]] = {}
        if not asked.group:
            group_of(groups, ())
        for total in kept:
            values = values_by_name(aggregate.group, total.values)
            group = group_of(groups, tuple(values.get(name) for name in asked.group))
            group.count += total.count
            for name in asked.numbers:
                key = collection.fields[name].key
                group.add(name, total.sums.get(key, 0), total.present.get(key, 0))
            sources.setdefault(id(group), []).append(total)
        due = list(groups.values())
        if not any(order.operation in ("min", "max") for order in asked.sort):
            due = ordered(due, asked)[: asked.limit]
        self._look_up(question, chosen, [(one, sources.get(id(one), [])) for one in due])
        newest = max((total.changed for total in kept), default=0)
        return {
            **self._shown(groups, asked),
            "source": "declared",
            "aggregate": _told(question, chosen.name),
            "as_of": rfc3339(newest) if newest else None,
        }

    def _holds(self, question: _Question, chosen: Fit, total: Total) -> bool:
        if chosen.left is None:
            return True
        if total.cut:
            return False
        values = values_by_name(chosen.aggregate.group, total.values)
        return chosen.left.holds(
            RecordScope(
                question.asking.collection,
                Record("", 0, 0, 1, values),
                read=question.asking.read,
            )
        )

    def _look_up(
        self, question: _Question, chosen: Fit, due: list[tuple[Group, list[Total]]]
    ) -> None:
        """The least and greatest values of the groups that will be shown, a query each."""
        collection, asked = question.asking.collection, question.asked
        wanted = [(name, False) for name in asked.min] + [(name, True) for name in asked.max]
        tasks = [(group, total, one) for group, totals in due for total in totals for one in wanted]
        if len(tasks) > self._budget:
            raise TooManyGroupsError
        if not tasks:
            return

        def end(total: Total, name: str, greatest: bool) -> Any:
            key = collection.fields[name].key
            return self._totals.extreme(
                collection, chosen.aggregate, total.group, key, greatest=greatest
            )

        context = copy_context()
        with ThreadPoolExecutor(min(THREADS, len(tasks))) as pool:
            ends = list(pool.map(lambda task: context.copy().run(end, task[1], *task[2]), tasks))
        for (group, _, (name, greatest)), value in zip(tasks, ends, strict=True):
            group.see(name, None if greatest else value, value if greatest else None)

    def _computed(self, question: _Question) -> dict[str, Any]:
        asked, query = question.asked, question.query
        collection, began = question.asking.collection, question.asking.now
        groups: Groups = {}
        if not asked.group:
            group_of(groups, ())
        try:
            if not (asked.group or asked.numbers or asked.extremes):
                tally = self._store.tally(collection, query, question.accept, began // 1000)
                group_of(groups, ()).count = tally.found
                complete = tally.complete
            else:
                page = self._store.list(collection, query, question.accept)
                for record in page.records:
                    count_record(groups, asked, record)
                complete = page.next is None
        except IndexRequired:
            complete = False
        if not complete:
            self._refuse(question, f"More than {self._budget} records would have to be read.")
        return {
            **self._shown(groups, asked),
            "source": "computed",
            "aggregate": None,
            "as_of": rfc3339(began),
        }

    def _shown(self, groups: Groups, asked: Asked) -> dict[str, Any]:
        found = ordered(groups.values(), asked)
        items = [shown(group, asked) for group in found[: asked.limit]]
        return {"items": items, "more": len(found) > asked.limit}

    def _explained(
        self, question: _Question, fits: list[Fit], misfits: list[Misfit]
    ) -> dict[str, Any]:
        asking = question.asking
        if not access.may_read_rule(asking.principal, asking.collection):
            raise Forbidden(
                "The read rule of this collection uses fields that you may not read.",
                code="explain_denied",
            )
        told = [one for one in misfits if _told(question, one.name)]
        plan: dict[str, Any] = {
            "source": "declared" if fits else "computed",
            "aggregate": None,
            "rejected": [{"aggregate": one.name, "reason": one.reason} for one in told],
            "suggestion": None if fits else self._suggestion(question),
        }
        if fits:
            chosen = best(fits)
            plan["aggregate"] = _told(question, chosen.name)
            plan["residual"] = None if chosen.left is None else chosen.left.text
        return plan

    def _refuse(self, question: _Question, why: str) -> NoReturn:
        raise BadRequest(
            f"{why} Declare an aggregate: {self._suggestion(question)}",
            code="aggregate_required",
        )

    def _suggestion(self, question: _Question) -> str:
        """The lines to declare; they name what the caller named and may read, and no more."""
        asked, asking = question.asked, question.asking
        used = set() if question.where is None else names(question.where)
        rule = access.list_rule(asking.principal, asking.collection)
        if isinstance(rule, Expression) and access.may_read_rule(
            asking.principal, asking.collection
        ):
            used |= names(rule)
        also = [name for name in sorted(used) if name in asking.collection.fields]
        group = list(dict.fromkeys((*asked.group, *also)))
        parts = [f"group: [{', '.join(group)}]"] if group else []
        parts += ["count: true"] if asked.count else []
        for operation in requests.OPERATIONS:
            if fields := getattr(asked, operation):
                parts.append(f"{operation}: [{', '.join(fields)}]")
        name = f"by_{'_'.join(group)}"[:60] if group else "totals"
        return f"aggregates: {{{name}: {{{', '.join(parts)}}}}}"


def _told(question: _Question, name: str) -> str | None:
    """The name of an aggregate, unless it speaks of fields that the caller does not know."""
    asking = question.asking
    known = access.known_fields(asking.principal, asking.collection, write=False)
    return name if _reads(asking.collection, name) <= known else None


def _reads(collection: Collection, name: str) -> set[str]:
    """Every field that an aggregate speaks of."""
    aggregate = collection.aggregates[name]
    used = set() if aggregate.filter is None else set(names(aggregate.filter))
    spoken = used | {*aggregate.group, *aggregate.numbers, *aggregate.extremes}
    return spoken & collection.fields.keys()

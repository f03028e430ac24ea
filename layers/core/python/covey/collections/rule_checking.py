"""Rules checked among the collections that they read, when those are changed.

One document alone does not tell what a relation leads to. So what is checked here is the far side
of ``team.owner`` and ``record("teams", id).owner``; and whether a rule can hold at all. Nothing
of it is asked of what is stored already: a catalog stays readable whatever is found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from covey.collections.faults import Faults
from covey.collections.model import Collection
from covey.collections.rule_document import ACTIONS
from covey.collections.scope import far_types, reach, types
from covey.expressions import Expression, ExpressionError, Type, check, impossible, nodes

Placed = tuple[str, str, Expression]  # path, action, rule
Far = Callable[[str], Mapping[str, Type] | None]


def rules_of(collection: Collection) -> Iterator[Placed]:
    """Every rule, with where it stands and what it is asked for: an action, or ``write``."""
    for action in ACTIONS:
        rule = getattr(collection.rules, action)
        if rule is not None:
            yield f"rules.{action}", action, rule
    for name, field in collection.fields.items():
        if field.read is not None:
            yield f"fields.{name}.read", "read", field.read
        if field.write is not None:
            yield f"fields.{name}.write", "write", field.write


def check_rules(
    changed: Mapping[str, Collection],
    among: Mapping[str, Collection],
    known: Iterable[str],
    faults: Faults,
) -> None:
    """Note what is wrong with the rules of `changed`, and with those of others that read them.

    `among` are all collections as they are to be, `changed` included; `known` are the names that
    there are, also of such as are faulty themselves.
    """
    names = set(known)

    def far(name: str) -> Mapping[str, Type] | None:
        if name in among:
            return far_types(among[name])
        if name in names:
            return None
        raise LookupError(name)

    for collection in among.values():
        own = collection.name in changed
        for path, action, rule in rules_of(collection):
            if not own and not (reads_of(rule) & changed.keys()):
                continue
            wrong = _far_fault(collection, rule, far) or (own and _impossible(action, rule)) or ""
            if wrong:
                faults.add(f"{collection.name}.{path}", "invalid_expression", wrong)


def reads_of(rule: Expression) -> set[str]:
    """The collections whose records a rule reads."""
    return {one.collection for one in nodes.walk(rule.root) if isinstance(one, nodes.Fetch)}


def readers_of(collections: Iterable[Collection], name: str) -> list[str]:
    """Where rules of other collections read records of this one: ``posts.rules.read``."""
    return [
        f"{collection.name}.{path}"
        for collection in collections
        if collection.name != name
        for path, _, rule in rules_of(collection)
        if name in reads_of(rule)
    ]


def _far_fault(collection: Collection, rule: Expression, far: Far) -> str | None:
    if not reads_of(rule):
        return None
    try:
        checked = check(rule, types(collection), Type.BOOL, reach(collection, far))
    except ExpressionError as error:
        return f"is no rule: {error}"
    if checked.root != rule.root:
        # Text beside a timestamp is one only where its type is known: it is not, later.
        return f"must say of which type its values are: write {Expression(checked.root).text}"
    return None


def _impossible(action: str, rule: Expression) -> str | None:
    why = None
    if action in ("read", "create"):
        why = impossible(rule, {"old": None})
        if why is not None and impossible(rule) is None:
            why = f"old is null in {action}"
    elif action in ("update", "delete"):
        why = impossible(_before(rule))
        if why is not None and impossible(rule) is None:
            why = "it must hold on the record before the write too, where old is the record itself"
    else:
        why = impossible(rule)
    return None if why is None else f'can never hold ({why}); write "false" where nobody may'


def _before(rule: Expression) -> Expression:
    """The rule as it is asked of the record before a write: ``old.title`` is ``title``."""

    def of_itself(node: nodes.Node) -> nodes.Node:
        if isinstance(node, nodes.Name) and node.path[0] == "old" and len(node.path) > 1:
            return nodes.Name(node.path[1:], node.position)
        return node

    return Expression(nodes.rewritten(rule.root, of_itself))

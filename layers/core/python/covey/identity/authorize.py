"""The one place that says yes or no. Every surface asks here: REST, batch, realtime, files, jobs.

Deny by default: a rule that is absent admits administrators only, and a rule that cannot be
evaluated (missing value, wrong type) does not hold. Administrators bypass rules. What a caller
may not see answers as if it did not exist; a guest whom signing in could help is told so.

    authorize       may this caller do this to this record?  raises
    visible         the record as this caller may see it, or None
    list_rule       the read rule as a filter, with the caller filled in
    foresee         reads together what `visible` of many records will need
    check_filter    refuses a filter that names what the caller may not read
    admits          may this caller pass a rule that is of no record, as a channel's?

An API key narrows its caller, administrators too: without the scope for an action on a
collection, `permits` says no before any rule is asked.

A rule that reads ``auth`` is *settled* when the caller alone decides it, whatever the record.
Filters and sorts take only fields whose read rule is settled as true: a rule that depends on
the record would let ordering, counting, matching or cost speak about records it hides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal

from covey.collections.model import Collection, Rules
from covey.collections.scope import AuthView, CallerScope, Reads, RecordScope
from covey.collections.scope import types as types_of
from covey.errors import CoveyError, FieldError, Forbidden, NotFound, Unauthenticated
from covey.expressions import Expression, ExpressionError, Type, bind, check, nodes
from covey.expressions import names as names_of
from covey.identity.principal import Kind, Principal
from covey.identity.scopes import not_allowed
from covey.records.model import SYSTEM_FIELDS, Record

Action = Literal["read", "create", "update", "delete"]
Request = Mapping[str, Any]

ACTIONS: tuple[Action, ...] = ("read", "create", "update", "delete")
WRITES: tuple[Action, ...] = ("create", "update", "delete")


class Deny(Enum):
    """The answer of `list_rule` when no record at all is to be seen."""

    DENY = "deny"


DENY: Final = Deny.DENY


# ---- settled rules: what the caller alone decides


def settled(principal: Principal, rule: Expression | None) -> bool | Expression:
    """True or False when the caller alone decides the rule, else the rule with them filled in."""
    if principal.is_administrator:
        return True
    if rule is None:
        return False
    bound = bind(rule, _caller(principal))
    if isinstance(bound.root, nodes.Literal):
        return bound.root.value is True
    return False if isinstance(bound.root, nodes.Fault) else bound


def permits(principal: Principal, action: Action, collection: Collection) -> bool:
    """Whether the key that calls was given this action; who calls without a key needs no scope."""
    return principal.scopes is None or principal.scopes.allow(action, collection.name)


def _settled(principal: Principal, collection: Collection, action: Action) -> bool | Expression:
    if not permits(principal, action, collection):
        return False
    return settled(principal, rule_of(collection.rules, action))


def _caller(principal: Principal) -> dict[str, Any]:
    return {"auth": None if principal.kind is Kind.GUEST else AuthView(principal)}


def _auth_names(rule: Expression) -> frozenset[str]:
    return frozenset(name for name in names_of(rule) if name.partition(".")[0] == "auth")


def _field_rule(principal: Principal, rule: Expression | None) -> bool | Expression:
    return True if rule is None else settled(principal, rule)


# ---- fields


def filterable_fields(principal: Principal, collection: Collection) -> frozenset[str]:
    """The fields that this caller may read in every record, so also in filters and sorts."""
    if not permits(principal, "read", collection):
        return frozenset()
    return frozenset(
        name
        for name, field in collection.fields.items()
        if _field_rule(principal, field.read) is True
    )


def known_fields(principal: Principal, collection: Collection, *, write: bool) -> frozenset[str]:
    """The fields that may exist for this caller: read in some record, or written if `write`."""
    read = permits(principal, "read", collection)
    write = write and any(permits(principal, action, collection) for action in WRITES)
    return frozenset(
        name
        for name, field in collection.fields.items()
        if (read and _field_rule(principal, field.read) is not False)
        or (write and _field_rule(principal, field.write) is not False)
    )


def fields_to_write(principal: Principal, collection: Collection) -> frozenset[str]:
    """The fields that this caller may write in some record, as far as they alone decide it."""
    return frozenset(
        name
        for name, field in collection.fields.items()
        if _field_rule(principal, field.write) is not False
    )


def readable_fields(
    principal: Principal,
    collection: Collection,
    record: Record,
    *,
    now: int | None = None,
    request: Request | None = None,
    read: Reads | None = None,
) -> frozenset[str]:
    """The fields of this record that this caller may read; the record itself is not asked about."""
    if not permits(principal, "read", collection):
        return frozenset()
    scope = _scope(principal, collection, record, None, now, request, read)
    return frozenset(
        name for name, field in collection.fields.items() if _allows(principal, field.read, scope)
    )


def writable_fields(
    principal: Principal,
    collection: Collection,
    record: Record,
    *,
    now: int | None = None,
    request: Request | None = None,
    read: Reads | None = None,
) -> frozenset[str]:
    """The fields of this record that this caller may write, as far as the record now says."""
    scope = _scope(principal, collection, record, record, now, request, read)
    return frozenset(
        name for name, field in collection.fields.items() if _allows(principal, field.write, scope)
    )


def _allows(principal: Principal, rule: Expression | None, scope: RecordScope) -> bool:
    return rule is None or principal.is_administrator or holds(rule, scope)


def admits(principal: Principal, rule: Expression | None, scope: CallerScope, need: str) -> bool:
    """Whether a rule of no record, as a channel's, lets a caller through; a key needs `need`."""
    if principal.scopes is not None and not principal.scopes.meet(need):
        return False
    return principal.is_administrator or (rule is not None and holds(rule, scope))


def holds(rule: Expression, scope: CallerScope) -> bool:
    """Whether one rule holds."""
    scope = scope.anew()  # each rule with its own budget of other records
    if scope.read is None or not rule.reads_records:
        return rule.holds(scope)
    return scope.read.holds(rule, scope)


def _scope(
    principal: Principal,
    collection: Collection,
    record: Record,
    old: Record | None,
    now: int | None,
    request: Request | None,
    read: Reads | None,
) -> RecordScope:
    return RecordScope(
        collection, record, old=old, auth=principal, now=now, request=request or {}, read=read
    )


# ---- records


def visible(
    principal: Principal,
    collection: Collection,
    record: Record,
    *,
    now: int | None = None,
    request: Request | None = None,
    read: Reads | None = None,
) -> dict[str, Any] | None:
    """The document of a record without the fields this caller may not read; None = not theirs."""
    if not permits(principal, "read", collection):
        return None
    if principal.is_administrator:
        return record.document()
    rule = collection.rules.read
    if rule is None:
        return None
    scope = _scope(principal, collection, record, None, now, request, read)
    if not holds(rule, scope):
        return None
    document = record.document()
    for name, field in collection.fields.items():
        if field.read is not None and name in document and not holds(field.read, scope):
            del document[name]
    return document


def looks_ahead(principal: Principal, collection: Collection) -> bool:
    """Whether `foresee` may save reads when this caller is shown records of this collection."""
    rules = [collection.rules.read, *(field.read for field in collection.fields.values())]
    return not principal.is_administrator and any(
        rule is not None and rule.reads_records for rule in rules
    )


def foresee(
    principal: Principal,
    collection: Collection,
    records: Sequence[Record],
    *,
    now: int | None = None,
    request: Request | None = None,
    read: Reads | None = None,
) -> None:
    """Read together what `visible` of these records is going to read one by one."""
    rule = collection.rules.read
    if read is None or rule is None or not looks_ahead(principal, collection):
        return
    scopes = [_scope(principal, collection, one, None, now, request, read) for one in records]
    read.foresee((rule, scope) for scope in scopes)
    rules = [one.read for one in collection.fields.values() if one.read is not None]
    later = [each for each in rules if each.reads_records]
    seen = [scope for scope in scopes if later and holds(rule, scope)]
    read.foresee((each, scope) for scope in seen for each in later)


def authorize(
    principal: Principal,
    action: Action,
    collection: Collection,
    record: Record,
    *,
    before: Record | None = None,
    changed_fields: Iterable[str] = (),
    now: int | None = None,
    request: Request | None = None,
    read: Reads | None = None,
) -> None:
    """Return if the caller may do this to this record; else raise.

    `record` is as it will be (create, update) or as it is (read, delete); an update also gives
    `before`, and its rule must hold on both. `changed_fields` are the fields that the caller
    wrote; the write rule of each must hold likewise. Raises NotFound for what the caller may
    not see, Unauthenticated where signing in could help, else Forbidden.
    """
    if not permits(principal, action, collection):
        raise not_allowed()
    if principal.is_administrator:
        return
    seen = before or record
    if (
        action != "create"
        and visible(principal, collection, seen, now=now, request=request, read=read) is None
    ):
        raise NotFound("record")
    if action == "read":
        return
    rule = rule_of(collection.rules, action)
    scopes = [_scope(principal, collection, record, before, now, request, read)]
    if before is not None:
        scopes.insert(0, _scope(principal, collection, before, before, now, request, read))
    if rule is None or not all(holds(rule, scope) for scope in scopes):
        raise refusal(principal, collection, action)
    denied = [
        name
        for name in changed_fields
        if name in collection.fields
        and (write := collection.fields[name].write) is not None
        and not all(holds(write, scope) for scope in scopes)
    ]
    if denied:
        raise write_denied(denied)


def rule_of(rules: Rules, action: Action) -> Expression | None:
    """The rule of an action."""
    found: dict[str, Expression | None] = {
        "read": rules.read,
        "create": rules.create,
        "update": rules.update,
        "delete": rules.delete,
    }
    return found[action]


def refuse_early(principal: Principal, collection: Collection, action: Action) -> None:
    """Raise if no record could let this caller do this, before anything else is looked at.

    So that whoever may not write learns nothing of a collection from its validation.
    """
    if _settled(principal, collection, action) is False:
        raise refusal(principal, collection, action)


def refusal(principal: Principal, collection: Collection, action: Action) -> CoveyError:
    """The error for a rule that did not hold, one that tells this caller no more than they know."""
    if not permits(principal, action, collection):
        return not_allowed()
    rule = rule_of(collection.rules, action)
    if _concealed(principal, collection):
        return NotFound("collection")
    if principal.kind is Kind.GUEST and (_reads_auth(rule) or settled(principal, rule) is False):
        return Unauthenticated("Sign in to do this.")
    if action == "read":
        return NotFound("collection")
    return Forbidden(
        f"A rule of the collection does not let you {action} this.", code="rule_denied"
    )


def write_denied(fields: Iterable[str]) -> Forbidden:
    """The error for fields whose write rule did not hold."""
    faults = [FieldError(name, "field_write_denied", "you may not write this") for name in fields]
    return Forbidden(
        "You may not write some of the fields.", code="field_write_denied", errors=faults
    )


def _concealed(principal: Principal, collection: Collection) -> bool:
    """Whether the caller can do nothing at all here, so that it need not exist for them."""
    if any(_settled(principal, collection, action) is not False for action in ACTIONS):
        return False
    rules = [rule_of(collection.rules, action) for action in ACTIONS]
    return principal.kind is not Kind.GUEST or not any(_reads_auth(rule) for rule in rules)


def _reads_auth(rule: Expression | None) -> bool:
    return rule is not None and bool(_auth_names(rule))


# ---- lists and filters


def list_rule(principal: Principal, collection: Collection) -> Expression | Deny | None:
    """The read rule as a filter: None = every record, DENY = none, else what must hold.

    ``auth`` is filled in; ``now`` and ``request`` stay names, as they change between pages.
    """
    rule = _settled(principal, collection, "read")
    if isinstance(rule, bool):
        return None if rule else DENY
    return rule


def check_filter(
    principal: Principal, collection: Collection, expression: Expression
) -> Expression:
    """The filter, typed and with the caller filled in; raises ExpressionError.

    It may read the fields that the caller may read in every record, the system fields,
    ``auth.id``, ``auth.roles`` and ``now``. Any other name is refused in the same words, whether
    it exists or not, and no hint names a hidden field.
    """
    for name in sorted(_auth_names(expression) - {"auth.id", "auth.roles"}):
        raise ExpressionError(f"A filter cannot read {name}", _position(expression, name))
    allowed = filterable_fields(principal, collection) | {*SYSTEM_FIELDS, "now"}
    types = {name: of for name, of in types_of(collection, old=False).items() if name in allowed}
    types |= {"auth": Type.MAP, "auth.id": Type.TEXT, "auth.roles": Type.LIST}
    checked = check(expression, types, Type.BOOL)
    return bind(checked, _caller(principal))


def may_read_rule(principal: Principal, collection: Collection) -> bool:
    """Whether the read rule speaks only of what this caller may read in every record."""
    rule = collection.rules.read
    if principal.is_administrator or rule is None:
        return True
    if rule.reads_records:  # of other collections, whose fields may be hidden as well
        return False
    hidden = collection.fields.keys() - filterable_fields(principal, collection)
    return not any(name.partition(".")[0] in hidden for name in names_of(rule))


def _position(expression: Expression, dotted: str) -> int:
    places = [
        node.position
        for node in nodes.walk(expression.root)
        if isinstance(node, nodes.Name) and node.dotted == dotted
    ]
    return min(places, default=0)

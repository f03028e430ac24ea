"""``tenant: org``: the one field that says whose a record is, bound to the caller.

The document is rewritten where it is read, so that nothing else knows of tenants: rules hold only
for the caller's own (`CONFINED`), new records get the caller's, and indexes, unique tuples and
groups of aggregates begin with the field. `plain` is the way back, for whoever shows the
document.

``users`` is confined likewise, but for its e-mail addresses, which stay unique among all, and for
signing up, which nobody does as somebody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from covey.collections.faults import Faults
from covey.collections.model import Collection, Field, Rules
from covey.collections.reader import Reader
from covey.collections.rule_document import ACTIONS
from covey.expressions import Expression, conjoin, nodes, parse

TYPES = ("text", "choice", "relation")
USERS = "users"
NEWEST = "-created"
# The first clause: who has no tenant is not of the tenant of records that have none.
CONFINED = "auth.{0} != null && {0} == auth.{0}"


def expanded(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The document with the tenant's field wherever it belongs.

    What is faulty is left to those who read it.
    """
    tenant, fields = document.get("tenant"), document.get("fields")
    if not isinstance(tenant, str) or not isinstance(fields, Mapping):
        return document
    if not isinstance(fields.get(tenant), Mapping):
        return document
    result = {**document, "fields": _fields(document, tenant)}
    result["indexes"] = _indexes(document.get("indexes"), tenant)
    aggregates = document.get("aggregates")
    if isinstance(aggregates, Mapping):
        result["aggregates"] = {n: _aggregate(one, tenant) for n, one in aggregates.items()}
    if document.get("name") != USERS:
        result["unique"] = _unique(document, tenant)
    return result


def read_tenant(reader: Reader, fields: Mapping[str, Field | None]) -> str:
    """The tenant's field, or nothing where there is none."""
    tenant = reader.values.get("tenant")
    if tenant is None:
        return ""
    field = fields.get(tenant) if isinstance(tenant, str) else None
    if not isinstance(tenant, str) or tenant not in fields:
        reader.fault("tenant", "must name a field, such as org")
    elif field is not None and (field.list or field.type not in TYPES):
        reader.fault("tenant", f"must be one of {', '.join(TYPES)}, and {tenant} is {field.type}")
    elif field is not None and reader.values.get("name") != USERS and not _bound(field, tenant):
        reader.fault(f"fields.{tenant}.default", f"must be left out: it is auth.{tenant}")
    else:
        return tenant
    return ""


def confined(name: str, rules: Rules, tenant: str) -> Rules:
    """The rules, for the caller's own tenant alone; administrators pass them as ever."""
    if not tenant:
        return rules
    kept = ("create",) if name == USERS else ()
    found = {action: getattr(rules, action) for action in ACTIONS}
    return Rules(
        **{
            action: rule if rule is None or action in kept else _within(rule, tenant)
            for action, rule in found.items()
        }
    )


def plain(collection: Collection, written: Mapping[str, Any]) -> dict[str, Any]:
    """The document without what `expanded` and `confined` add."""
    tenant = collection.tenant
    if not tenant:
        return dict(written)
    result = {**written, "tenant": tenant}
    head = _prefix(tenant)
    if "rules" in result:
        rules = result["rules"]
        result["rules"] = {
            action: text[len(head) : -1] if text.startswith(head) else text
            for action, text in rules.items()
        }
    result["indexes"] = [one for one in map(_shorter, result["indexes"]) if one != [NEWEST]]
    for aggregate in result.get("aggregates", {}).values():
        aggregate["group"] = aggregate["group"][1:]
        if not aggregate["group"]:
            del aggregate["group"]
    if collection.name != USERS and "unique" in result:
        result["unique"] = [one[1:] if len(one) > 1 else one for one in result["unique"]]
    return {key: value for key, value in result.items() if key != "indexes" or value}


def check_tenants(changed: Iterable[str], among: Mapping[str, Collection], faults: Faults) -> None:
    """Note where `users` does not say, out of everybody's reach, which tenant a user is of."""
    users, names = among.get(USERS), set(changed)
    if users is None:
        return
    for collection in among.values():
        tenant = collection.tenant
        if not tenant or not names & {collection.name, USERS}:
            continue
        own, field = collection.fields[tenant], users.fields.get(tenant)
        if field is None or field.list or field.type != own.type:
            message = f"needs a field {tenant} of users that is {own.type}"
            faults.add(f"{collection.name}.tenant", "invalid", message)
        elif not (
            field.write is not None
            and isinstance(field.write.root, nodes.Literal)
            and field.write.root.value is False
        ):
            message = f'needs write: "false" on the field {tenant} of users'
            faults.add(f"{collection.name}.tenant", "invalid", message)


def _prefix(tenant: str) -> str:
    return f"{CONFINED.format(tenant)} && ("


def _within(rule: Expression, tenant: str) -> Expression:
    both = conjoin((parse(CONFINED.format(tenant)), rule))
    assert both is not None  # noqa: S101 - of two there is one
    return Expression(both.root, f"{_prefix(tenant)}{rule.text})")


def _bound(field: Field, tenant: str) -> bool:
    return field.default is not None and field.default.text == f"auth.{tenant}"


def _fields(document: Mapping[str, Any], tenant: str) -> dict[str, Any]:
    fields = dict(document["fields"])
    if document.get("name") == USERS:
        return fields
    fields[tenant] = {**fields[tenant], "required": True}
    fields[tenant].setdefault("default", f"auth.{tenant}")
    for name, field in fields.items():
        if isinstance(field, Mapping) and field.get("unique") is True and name != tenant:
            fields[name] = {**field, "unique": False}  # it is said by `_unique`
    return fields


def _indexes(written: Any, tenant: str) -> Any:
    """The indexes within a tenant, and at the end the order of creation."""
    if written is not None and not isinstance(written, list | tuple):
        return written
    longer = [_longer(one, tenant) for one in written or ()]
    order = [tenant, NEWEST]
    usual = ([tenant], [tenant, "created"], order)
    return [*(one for one in longer if one not in usual), order]


def _longer(index: Any, tenant: str) -> Any:
    if isinstance(index, Mapping) and isinstance(index.get("fields"), list | tuple):
        return {**index, "fields": _longer(index["fields"], tenant)}
    if not isinstance(index, list | tuple):
        return index
    return [tenant, *(part for part in index if part not in (tenant, f"-{tenant}"))]


def _shorter(index: Any) -> Any:
    if isinstance(index, Mapping):
        return {**index, "fields": index["fields"][1:]}
    return index[1:]


def _aggregate(written: Any, tenant: str) -> Any:
    group = written.get("group") if isinstance(written, Mapping) else ()
    if not isinstance(written, Mapping) or not isinstance(group, list | tuple | None):
        return written
    return {**written, "group": [tenant, *(one for one in group or () if one != tenant)]}


def _unique(document: Mapping[str, Any], tenant: str) -> Any:
    written = document.get("unique")
    if written is not None and not isinstance(written, list | tuple):
        return written
    fields = document["fields"].items()
    said = [
        [name]
        for name, field in fields
        if isinstance(field, Mapping) and field.get("unique") is True and name != tenant
    ]
    claims = [_longer(one, tenant) for one in written or ()]
    return claims + [one for one in (_longer(own, tenant) for own in said) if one not in claims]

"""Records of `users`, as sign-up makes them and as sign-in looks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covey.collections.model import Collection
from covey.collections.scope import RecordScope
from covey.errors import FieldError, Invalid
from covey.expressions import Timestamp
from covey.fields import FieldFault, expires_at, validate_record, validate_value
from covey.identity import passwords
from covey.identity.principal import Principal
from covey.records.ids import created_of
from covey.records.model import Record

# The role of users without credentials; rules tell them by ``"anonymous" in auth.roles``.
ANONYMOUS = "anonymous"


def new_user(
    users: Collection,
    values: Mapping[str, Any],
    password: object,
    *,
    id: str,
    now: int,
    caller: Principal,
) -> Record:
    """A valid record of `users` for these fields; raises Invalid for all faults at once.

    The e-mail is taken in lower case: nobody remembers how they capitalised it, and no mail
    provider tells the cases apart.
    """
    email = values.get("email")
    faults = password_faults(password, email, values.get("name"))
    if email is None:  # optional in a record, but who signs in by a password needs one
        faults.append(FieldError("email", "required", "must have a value"))
    try:
        user = new_member(users, values, id=id, now=now, caller=caller)
        if not faults:
            return user
    except Invalid as exc:
        told = {(one.field, one.code) for one in faults}
        faults += [one for one in exc.errors if (one.field, one.code) not in told]
    raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)


def new_member(
    users: Collection, values: Mapping[str, Any], *, id: str, now: int, caller: Principal
) -> Record:
    """A valid record of `users`, perhaps without an e-mail; raises Invalid for all faults."""
    sent = dict(values)
    email = values.get("email")
    if isinstance(email, str) and email.isascii():  # lower() makes a k of the Kelvin sign
        sent["email"] = email.lower()
    created = created_of(id) if users.ids == "auto" else now
    scope = RecordScope(users, Record(id, created, created, 1), auth=caller, now=Timestamp(now))
    checked = validate_record(users, sent, scope=scope)
    return Record(id, created, created, 1, checked, expires_at(users, checked))


def address(users: Collection, value: object) -> str:
    """An e-mail as it is kept; raises Invalid."""
    try:
        email: str = validate_value(value, users.fields["email"])
    except FieldFault as exc:
        fault = FieldError("email", exc.code, str(exc))
        raise Invalid(f"email {exc}.", errors=[fault]) from exc
    return email.lower() if email.isascii() else email


def claimed_emails(users: Collection, email: str) -> tuple[str, ...]:
    """How `email` may be kept: as given, and in lower case; nothing for what is no address.

    Sign-up keeps lower case, but records written otherwise may not be.
    """
    try:
        given = validate_value(email, users.fields["email"])
    except FieldFault:
        return ()
    return (given,) if given == given.lower() else (given, given.lower())


def is_anonymous(user: Record) -> bool:
    """Whether nothing proves who this is but the sessions it has."""
    return ANONYMOUS in roles_of(user)


def named(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of an anonymous user who is none any more."""
    roles = values.get("roles") or []
    if ANONYMOUS not in roles:
        return dict(values)
    return {**values, "roles": [role for role in roles if role != ANONYMOUS]}


def roles_of(user: Record) -> tuple[str, ...]:
    """The roles that a record of `users` grants."""
    roles = user.values.get("roles") or []
    return tuple(role for role in roles if isinstance(role, str))


def password_faults(password: object, email: object, *names: object) -> list[FieldError]:
    """Why this password may not be chosen by who has this e-mail and these names."""
    if not isinstance(password, str):
        code = "required" if password is None else "wrong_type"
        return [FieldError("password", code, "must be given as text")]
    try:
        told = [one for one in names if isinstance(one, str)]
        passwords.check(password, email=email if isinstance(email, str) else "", names=told)
    except passwords.UnacceptableError as exc:
        return [FieldError("password", exc.code, str(exc))]
    return []

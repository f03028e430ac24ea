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
    sent = dict(values)
    if isinstance(email, str) and email.isascii():  # lower() makes a k of the Kelvin sign
        sent["email"] = email.lower()
    created = created_of(id) if users.ids == "auto" else now
    faults = _password_faults(password, email)
    checked: dict[str, Any] = {}
    try:
        blank = Record(id, created, created, 1)
        scope = RecordScope(users, blank, auth=caller, now=Timestamp(now))
        checked = validate_record(users, sent, scope=scope)
    except Invalid as exc:
        faults += exc.errors
    if not faults and "email" not in checked:
        # A team may have made the field optional; an account cannot do without.
        faults.append(FieldError("email", "required", "must have a value"))
    if faults:
        raise Invalid(f"{faults[0].field} {faults[0].message}.", errors=faults)
    return Record(id, created, created, 1, checked, expires_at(users, checked))


def claimed_emails(users: Collection, email: str) -> tuple[str, ...]:
    """How `email` may be kept: as given, and in lower case; nothing for what is no address.

    Sign-up keeps lower case, but records written otherwise may not be.
    """
    try:
        given = validate_value(email, users.fields["email"])
    except FieldFault:
        return ()
    return (given,) if given == given.lower() else (given, given.lower())


def roles_of(user: Record) -> tuple[str, ...]:
    """The roles that a record of `users` grants."""
    roles = user.values.get("roles") or []
    return tuple(role for role in roles if isinstance(role, str))


def _password_faults(password: object, email: object) -> list[FieldError]:
    if not isinstance(password, str):
        code = "required" if password is None else "wrong_type"
        return [FieldError("password", code, "must be given as text")]
    try:
        passwords.check(password, email=email if isinstance(email, str) else "")
    except passwords.UnacceptableError as exc:
        return [FieldError("password", exc.code, str(exc))]
    return []

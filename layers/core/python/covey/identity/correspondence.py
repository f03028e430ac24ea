"""Letters about accounts: whom an order concerns, and the secret that its link carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from covey.collections.model import Collection
from covey.identity.challenges import CHANGE_EMAIL, RESET, VERIFY, Challenges, Purpose
from covey.identity.users import claimed_emails
from covey.mail.desk import Draft, Drafter
from covey.records.model import Record

USERS = "users"


class Collections(Protocol):
    """Where the collection `users` is looked up."""

    def get(self, name: str) -> Collection:
        """The collection of this name."""
        ...


class Users(Protocol):
    """The part of `covey.records.ports.RecordStore` that letters need."""

    def get(
        self, collection: Collection, record_id: str, *, consistent: bool = False
    ) -> Record | None:
        """One record."""
        ...

    def find_unique(
        self, collection: Collection, fields: tuple[str, ...], values: tuple[Any, ...]
    ) -> str | None:
        """The id of the record that claims `values`, read consistently."""
        ...


class Correspondence:
    """Drafts the letters of accounts."""

    def __init__(
        self, collections: Collections, users: Users, challenges: Challenges, pages: str
    ) -> None:
        """`pages` is where links lead, from the configuration and never from a request."""
        self._collections = collections
        self._users = users
        self._challenges = challenges
        self._pages = pages.rstrip("/")

    def drafters(self) -> dict[str, Drafter]:
        """By the letter that is ordered."""
        return {
            "verify": self._verify,
            "reset": self._reset,
            "exists": self._exists,
            "change_email": self._change_email,
            "email_changing": self._email_changing,
            "email_changed": self._email_changed,
            "password_changed": self._password_changed,
            "factor_changed": self._factor_changed,
            "identity_linked": self._identity_linked,
        }

    def _verify(self, order: Mapping[str, Any]) -> Draft | None:
        user = self.by_id(order["user"])
        if user is None or user.values.get("verified") or "email" not in user.values:
            return None
        email = user.values["email"]
        return self._linked(email, VERIFY, {"user": user.id, "email": email})

    def _reset(self, order: Mapping[str, Any]) -> Draft | None:
        user = self.find(order["email"])
        if user is None:
            return None
        email = user.values["email"]
        return self._linked(email, RESET, {"user": user.id, "email": email})

    def _exists(self, order: Mapping[str, Any]) -> Draft | None:
        """For the owner of an address that somebody signs up with: the way back in."""
        draft = self._reset(order)
        return draft and replace(draft, template="exists")

    def _change_email(self, order: Mapping[str, Any]) -> Draft | None:
        new = order["new"]
        user = self.by_id(order["user"])
        if user is None or user.values.get("email") != order["old"]:
            return None
        if self.find(new) is not None:
            return self._exists({"email": new})
        return self._linked(new, CHANGE_EMAIL, dict(order))

    def _email_changing(self, order: Mapping[str, Any]) -> Draft | None:
        return self._told(order, {"new": order["new"]})

    def _email_changed(self, order: Mapping[str, Any]) -> Draft | None:
        return Draft(order["to"], {"new": order["new"]})

    def _password_changed(self, order: Mapping[str, Any]) -> Draft | None:
        return self._told(order, {})

    def _factor_changed(self, order: Mapping[str, Any]) -> Draft | None:
        return self._told(order, {"what": order["what"]})

    def _identity_linked(self, order: Mapping[str, Any]) -> Draft | None:
        return self._told(order, {"provider": order["provider"]})

    def _told(self, order: Mapping[str, Any], values: Mapping[str, Any]) -> Draft | None:
        """Word to a user about themselves; there is none to who has no address."""
        user = self.by_id(order["user"])
        email = user.values.get("email") if user else None
        return Draft(email, dict(values)) if email else None

    def _linked(self, to: str, purpose: Purpose, proof: Mapping[str, Any]) -> Draft:
        """A letter with a link; its secret is a fragment, which no server and no Referer sees."""
        secret = self._challenges.open(purpose, proof)
        page = purpose.name.replace("_", "-")
        values = {
            "email": to,
            "link": f"{self._pages}/{page}#token={secret}",
            "lifetime": purpose.lifetime,
        }
        return Draft(to, values)

    def by_id(self, user: str) -> Record | None:
        """The user of this id, read consistently."""
        return self._users.get(self._collections.get(USERS), user, consistent=True)

    def find(self, email: str) -> Record | None:
        """The user with this address."""
        users = self._collections.get(USERS)
        found = (
            self._users.find_unique(users, ("email",), (one,))
            for one in claimed_emails(users, email)
        )
        user = next(filter(None, found), None)
        return self.by_id(user) if user else None

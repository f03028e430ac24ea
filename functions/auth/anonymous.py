"""/auth/anonymous and /auth/upgrade: users without credentials, and how they get some."""

from __future__ import annotations

from covey.http import Request, Response, Routes
from covey.wiring import services
from functions.auth.answering import signed_in
from functions.auth.forms import texts


def declare(routes: Routes) -> None:
    """Add the routes."""

    @routes.post(
        "/auth/anonymous",
        summary="Make a user without an e-mail and sign in",
        body={"type": "object", "description": "fields of `users`, or nothing at all"},
        bodiless=True,
        answer="SignedIn",
        status=201,
        problems=(403, 422, 429),
        public=True,
    )
    def sign_in_anonymously(request: Request) -> Response:
        """Where `ANONYMOUS` is `on`, and the rule `create` of `users` allows it. Their role is
        `anonymous`. Once none of their sessions holds, they are deleted.
        """
        values = request.json() if request.body else {}
        made = services().anonymous_users.make(values, request.principal, request.place)
        return signed_in(request, made, status=201)

    @routes.post(
        "/auth/upgrade",
        summary="Give an anonymous user an e-mail and a password",
        body="SignIn",
        answer="User",
        problems=(202, 401, 403, 409, 422, 429),
    )
    def upgrade(request: Request) -> Response:
        """The id, the records and the sessions stay. Where `SIGN_UP` is `by_mail` the answer is
        202, and the e-mail holds once its owner opened the link.
        """
        email, password = texts(request.json(), "email", "password")
        user = services().anonymous_users.upgrade(request.principal, email, password, request.place)
        if user is None:
            return Response({"status": "check_mail"}, status=202)
        return Response({"user": services().accounts.me(request.principal)})

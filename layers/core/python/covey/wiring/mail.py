"""Letters: ordered, written, sent."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from covey.wiring.proofs import ProofServices

if TYPE_CHECKING:
    from covey.mail.desk import Desk
    from covey.mail.ports import Mailer, Outbox
    from covey.mail.post import Post
    from covey.mail.returns import Returns
    from covey.mail.suppressing import Suppressions


class MailServices(ProofServices):
    """Letters: ordered, written, sent."""

    @cached_property
    def outbox(self) -> Outbox:
        """Letters that are kept instead of sent."""
        from covey.store.models.letter import DynamoOutbox

        return DynamoOutbox()

    @cached_property
    def suppressions(self) -> Suppressions:
        """Addresses that get no letters."""
        from covey.store.models.suppressed import DynamoSuppressions

        return DynamoSuppressions()

    @cached_property
    def returns(self) -> Returns:
        """What follows from letters that came back."""
        from covey.mail.returns import Returns

        return Returns(self.suppressions)

    @cached_property
    def mailer(self) -> Mailer:
        """How letters leave."""
        from covey.mail.suppressing import Sparing

        return Sparing(self._sender, self.suppressions)

    @cached_property
    def _sender(self) -> Mailer:
        if self.settings.mailer == "ses":
            from covey.aws.mail import SesMailer

            return SesMailer(self.settings.mail_from, self.settings.mail_configuration)
        if self.settings.mailer == "smtp":
            from covey.mail.smtp import Server, SmtpMailer

            return SmtpMailer(Server.parse(self.settings.smtp_url), self.settings.mail_from)
        from covey.mail.outbox import OutboxMailer

        return OutboxMailer(self.outbox)

    @cached_property
    def post(self) -> Post:
        """Orders for letters."""
        from covey.aws.queues import SqsJobQueue
        from covey.mail.post import AtOnce, Post

        url = self.settings.mail_queue_url
        return Post(SqsJobQueue(url) if url else AtOnce(lambda order: self.desk.carry_out(order)))

    @cached_property
    def desk(self) -> Desk:
        """Letters: write and send what was ordered."""
        from covey.identity.codes import CodeLetters
        from covey.identity.correspondence import Correspondence
        from covey.mail.desk import Desk
        from covey.mail.letters import Letters, folders
        from covey.webhooks.notices import drafters as webhooks

        pages = self.settings.pages_url or f"{self.settings.public_url}/auth"
        correspondence = Correspondence(self.catalog, self.record_store, self.challenges, pages)
        codes = CodeLetters(self.flows, correspondence.find, pages)
        letters = Letters(folders(), {"product": self.settings.product_name})
        drafters = correspondence.drafters() | codes.drafters() | webhooks(correspondence.by_id)
        return Desk(drafters, letters, self.mailer)

"""Settings from the environment, read once, typed, all documented in docs/reference/settings.md."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any


@dataclass(frozen=True, slots=True)
class Settings:
    """What a function is told by its environment; the names in upper case are the variables.

    Times are in seconds. AWS's own variables (region, credentials, ``AWS_ENDPOINT_URL_*``)
    are read by botocore and the transport and are not repeated here.
    """

    table_name: str = "covey-records"
    jobs_queue_url: str = ""
    tasks_high_queue_url: str = ""  # of background tasks, by priority; "" means the queue of jobs
    tasks_queue_url: str = ""
    tasks_low_queue_url: str = ""
    hooks_queue_url: str = ""  # where changes wait for after hooks
    change_triggers: str = ""  # JSON lines: which functions of the team's own changes call
    redrive_queue_url: str = ""  # where dead letters of the pipeline wait for another try
    webhooks_queue_url: str = ""  # says which endpoints are to be worked for
    webhook_reach: str = "public"  # public | loopback: whether this machine may be called too
    alerts_to: str = ""  # addresses of the operators, with commas between
    files_bucket: str = ""
    files_directory: str = ""  # set where there is no S3: the gateway's directory store
    files_secret: str = ""  # signs the directory store's links
    connections_url: str = ""  # API Gateway's management endpoint for sockets
    allowed_origins: str = "*"  # whose pages may call: origins with commas between, or "*"
    public_url: str = "http://127.0.0.1:8000"  # links in mail and uploads start with it
    mailer: str = "outbox"  # outbox | smtp | ses
    mail_from: str = "Covey <covey@localhost>"
    mail_queue_url: str = ""
    mail_configuration: str = ""  # SES's configuration set, which tells of bounces
    smtp_url: str = ""
    passkey_domain: str = ""  # relying party id of passkeys; "" means the host of PUBLIC_URL
    passkey_origins: str = ""  # with commas between; "" means the origin of PUBLIC_URL
    product_name: str = "Covey"  # as letters and authenticator apps call it
    pages_url: str = ""  # where links in letters lead; "" means PUBLIC_URL/auth
    sign_up: str = "direct"  # direct | by_mail
    anonymous: str = "off"  # off | on: users without credentials
    oauth_providers: str = field(default="", repr=False)  # JSON, with secrets: who to sign in by
    oauth_redirects: str = ""  # where sign-ins may lead back to, with spaces or commas between
    transport: str = "lean"  # lean | botocore
    catalog_ttl: float = 10.0
    write_time: float = 30.0  # no write takes longer, from the catalog it reads on
    backfill_rate: int = 500  # records per second
    access_token_ttl: int = 900
    refresh_token_ttl: int = 2_592_000
    token_issuer: str = "covey"  # noqa: S105 - a name, not a secret
    rate_limit: int = 0  # requests a minute of a caller, or of a guest's address; 0: no limit
    frame_rate: int = 20  # messages a second of a socket, ten times as many at once; 0: no limit
    read_budget: int = 2_000  # records that one list may examine
    log_level: str = "INFO"
    access_log: str = "on"  # on | off: a line per request

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read ``TABLE_NAME``, ``CATALOG_TTL``, …; an empty variable means the default."""
        values: dict[str, object] = {}
        for setting in fields(cls):
            text = environment.get(setting.name.upper(), "")
            if text:
                default: Any = setting.default
                values[setting.name] = type(default)(text)
        return cls(**values)  # type: ignore[arg-type]


@cache
def settings() -> Settings:
    """The settings of this process, read on first use."""
    return Settings.from_environment(os.environ)

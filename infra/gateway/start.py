"""The gateway as a whole: from nothing to serving, and to an end in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.credentials import Credentials

from covey.store import signing
from covey.store.transport import LeanTransport
from infra.gateway import listener, reload, template
from infra.gateway.asgi import App
from infra.gateway.city import City, Endpoints, Function
from infra.gateway.control import Control
from infra.gateway.engine import Engine
from infra.gateway.engine_tuning import tune
from infra.gateway.expiry import Call
from infra.gateway.folder import Folder
from infra.gateway.intrinsics import TemplateError
from infra.gateway.invoker import Invoker
from infra.gateway.journal import Journal, Observers
from infra.gateway.listener import Listener
from infra.gateway.logs import Log
from infra.gateway.options import HOUSE, Options
from infra.gateway.pool import Observer
from infra.gateway.private import Private
from infra.gateway.server import Server
from infra.gateway.triggers import Triggers
from infra.gateway.workers import Workers

SETUP = "CoveySetup"


class SetupError(RuntimeError):
    """The backend cannot be set up; the message says why, for the person at the terminal."""


class Gateway:
    """One run: ``async with Gateway(options)`` starts it and ends it in order.

    Raises at the start what a person can mend: PortTakenError, InUseError, TemplateError,
    SetupError.
    """

    def __init__(self, options: Options, log: Log | None = None) -> None:
        self.log = log or Log(options.log_format)
        self.url = ""
        self._options = options
        self._born = time.monotonic()
        self._exits = contextlib.AsyncExitStack()
        self._keys = _credentials(options)
        self._tasks: set[asyncio.Task[None]] = set()
        self._engine: Engine | None = None
        self._unfinished = False

    async def __aenter__(self) -> Gateway:
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self._exits.aclose()

    @property
    def invoker(self) -> Invoker:
        """What calls functions."""
        return self._workers

    @property
    def city(self) -> City:
        """What there is, as of the last reload."""
        return self._city

    # Start ------------------------------------------------------------------------------------

    async def _start(self) -> None:
        options = self._options
        folder = Folder(options.data)
        self._exits.callback(folder.release)
        public = listener.bind(options.host, options.port)
        self._exits.callback(public.close)
        private = listener.bind("127.0.0.1", 0)
        self._exits.callback(private.close)
        self.url = options.url(public.getsockname()[1])
        folder.announce(self.url)
        self._endpoints = Endpoints(
            public=self.url,
            private=f"http://127.0.0.1:{private.getsockname()[1]}",
            dynamodb=options.endpoint or self._choose_engine(folder),
        )
        self._city = self._load()
        self._workers = Workers(self._environment(folder), self._observer(folder), options.workers)
        self._exits.push_async_callback(self._workers.stop)
        self._workers.serve(self._with_setup(self._city))  # they warm up while the engine starts
        if self._engine is not None:
            await self._engine.start()
            await asyncio.to_thread(tune, options.data / "covey.db")
        token = await self._set_up(offer=True, jobs=False)
        self._triggers = self._make_triggers(folder)
        loopback = Private(
            self._keys["AWS_ACCESS_KEY_ID"],
            queues=self._triggers.queues,
            connections=self._triggers.connections,
        )
        await self._listen(loopback, private)
        self._exits.push_async_callback(self._triggers.stop)
        self._server = Server(
            self._workers,
            sockets=self._triggers.sockets,
            files=self._triggers.files,
            wrote=self._triggers.nudge,
            explain=options.reload,
        )
        self._server.serve(self._city)
        await self._triggers.serve(self._city)
        if self._unfinished:  # what wants the queue, which serves only now
            await self._set_up(offer=False)
        await self._listen(self._server, public)
        control = Control(self._workers, lambda: self._city)
        self._exits.push_async_callback(control.stop)
        await control.start(folder.path)
        if options.reload:
            self._spawn(self._reload())
        self._banner(token)

    def _observer(self, folder: Folder) -> Observer:
        """Who is told of invocations: the terminal, and the journal."""
        if not self._options.journal:
            return self.log

        def memory_mb(function: str) -> int:
            found = self._city.functions.get(function)
            return 0 if found is None else found.memory_mb

        journal = Journal(folder.path / "events", memory_mb)
        journal.start()
        self._exits.callback(journal.stop)
        return Observers(self.log, journal)

    def _make_triggers(self, folder: Folder) -> Triggers:
        return Triggers(
            folder.path,
            invoker=self._workers,
            engine=self._endpoints.dynamodb,
            files_secret=folder.secret(),
            region=self._city.region,
            credentials=Credentials(
                self._keys["AWS_ACCESS_KEY_ID"],
                self._keys["AWS_SECRET_ACCESS_KEY"],
                self._keys.get("AWS_SESSION_TOKEN"),
            ),
            expire=self._engine_call() if self._engine is not None else None,
        )

    def _engine_call(self) -> Call:
        """A way to our own engine, which deletes nothing that expires by itself."""
        keys = signing.Credentials(
            self._keys["AWS_ACCESS_KEY_ID"], self._keys["AWS_SECRET_ACCESS_KEY"]
        )
        return LeanTransport(self._endpoints.dynamodb, self._city.region, lambda: keys).call

    async def _listen(self, app: App, sock: socket.socket) -> None:
        listening = Listener(app, sock)
        await listening.start()
        self._exits.push_async_callback(listening.stop)

    def _choose_engine(self, folder: Folder) -> str:
        self._engine = Engine.choose(
            self._options.tools, folder.path, say=self.log.say, restarted=self._engine_is_back
        )
        self._exits.push_async_callback(self._engine.stop)
        return self._engine.url

    def _load(self) -> City:
        options = self._options
        region = os.environ.get("AWS_REGION") or "us-east-1"
        return template.load(options.template, self._endpoints, options.parameters, region)

    def _environment(self, folder: Folder) -> dict[str, str]:
        """What functions are told beside their own variables: where the local parts are."""
        # Beside the engine a write takes milliseconds: what is declared anew need not wait long.
        near = {} if self._options.endpoint else {"WRITE_TIME": "5"}
        return {
            **near,
            **self._keys,
            "AWS_ENDPOINT_URL_DYNAMODB": self._endpoints.dynamodb,
            "AWS_ENDPOINT_URL_SQS": self._endpoints.private,
            "AWS_EC2_METADATA_DISABLED": "true",
            "FILES_DIRECTORY": str(folder.files),
            "FILES_SECRET": folder.secret(),
            "PUBLIC_URL": self.url,
            "POWERTOOLS_METRICS_DISABLED": "true",  # they are CloudWatch's
            # The gateway's own line says to a person what the function's would.
            "ACCESS_LOG": "off" if self._options.log_format == "text" else "on",
        }

    def _with_setup(self, city: City) -> City:
        """The city and one function more, which only the gateway calls."""
        some = next(iter(city.functions.values()), None)
        if some is None:
            raise TemplateError(f"{self._options.template.name} declares no function")
        tables = {"TABLE_NAME": city.tables[0].name} if city.tables else {}
        parts = city.functions.values()
        urls = {url for part in parts if (url := part.environment.get("JOBS_QUEUE_URL"))}
        queue = {"JOBS_QUEUE_URL": urls.pop()} if len(urls) == 1 else {}
        own = Function(
            name=SETUP,
            arn=some.arn,
            handler="infra.gateway.setup.handler",
            code=HOUSE,
            layers=some.layers,
            environment={**some.environment, **tables, **queue},
            timeout=60.0,
            memory_mb=512,
            concurrency=None,
        )
        return replace(city, functions={**city.functions, SETUP: own})

    async def _set_up(self, *, offer: bool, jobs: bool = True) -> str | None:
        """Make tables, apply collections; returns the bootstrap token where one is due.

        Without `jobs` what wants one is left for another time, and `_unfinished` says so.
        """
        if not self._city.tables:
            return None
        tables = [
            {"definition": table.definition, "expiry": table.expiry_attribute}
            for table in self._city.tables
        ]
        event: Mapping[str, Any] = {
            "tables": tables,
            "collections": str(self._options.collections),
            "offer": offer,
            "jobs": jobs,
        }
        answer = await self._workers.invoke(SETUP, event, kind="setup")
        if answer.payload is None:
            raise SetupError("Setting up failed; the reason is above.")
        done = json.loads(answer.payload)
        for change in done["changes"]:
            self.log.say(f"  {change}")
        for build in done["builds"]:
            self.log.say(f"  {build}")
        self._unfinished = done["unfinished"]
        for refused in done["refused"]:
            self.log.say(f"  left as it is: {refused}", level="WARNING")
        for fault in done["hooks"]:
            self.log.say(f"  {fault}", level="WARNING")
        if done["faults"]:
            raise SetupError("\n".join(["The collections have faults:", *done["faults"]]))
        return done["token"]  # type: ignore[no-any-return]

    def _banner(self, token: str | None) -> None:
        seconds = time.monotonic() - self._born
        self.log.say(f"Covey answers at {self.url}  (started in {seconds:.1f} s)", url=self.url)
        self.log.say(f"  documentation   {self.url}/docs")
        if token:
            self.log.say("  first administrator, once, within a day:")
            self.log.say(f"    {self.url}/auth/bootstrap#token={token}")
        if sys.stdout.isatty():
            self.log.say("  Ctrl-C stops everything; data stays in " + str(self._options.data))

    # While it runs ----------------------------------------------------------------------------

    async def _engine_is_back(self) -> None:
        """Tables may be gone where the engine keeps them in memory."""
        try:
            await self._set_up(offer=False)
        except SetupError as error:
            self.log.say(str(error), level="ERROR")

    async def _reload(self) -> None:
        options = self._options
        paths = options.template.resolve().parent, options.template, options.collections
        async for changed in reload.changes(*(path.resolve() for path in paths)):
            try:
                await self._take(changed)
            except (TemplateError, SetupError) as error:
                self.log.say(f"{error}\nThe version before goes on.", level="ERROR")

    async def _take(self, changed: reload.Changed) -> None:
        if changed.faults:
            faults = "\n".join(changed.faults)
            self.log.say(f"{faults}\nThe code before goes on.", level="ERROR")
            return
        started = time.monotonic()
        city = self._load() if changed.template else self._city
        if changed.template or changed.collections:
            # New code first: what the collections need may have changed with it.
            self._workers.serve(self._with_setup(city))
            self._city = city
            await self._set_up(offer=False)
        self._workers.serve(self._with_setup(city))  # nothing remembers the catalog before
        if changed.template:
            self._server.serve(city)
            await self._triggers.serve(city)
        spent = (time.monotonic() - started) * 1000
        self.log.say(f"Reloaded in {spent:.0f} ms: {', '.join(changed.files[:5])}")

    def _spawn(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _LogHandler(logging.Handler):
    """Python's logging of the gateway's parts, as lines of its log."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.INFO)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        self._log.say(self.format(record), level=record.levelname)


def _credentials(options: Options) -> dict[str, str]:
    """Keys for this run only; with a DynamoDB elsewhere, those of the environment."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    if options.endpoint and os.environ.get("AWS_ACCESS_KEY_ID"):
        return {name: os.environ[name] for name in names if os.environ.get(name)}
    return {
        "AWS_ACCESS_KEY_ID": f"COVEY{secrets.token_hex(8).upper()}",
        "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30),
    }


async def _until_told_to_stop(options: Options) -> None:
    log = Log(options.log_format)
    logging.getLogger().addHandler(_LogHandler(log))
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with _started_or_stopped(Gateway(options, log), stop):
        await stop.wait()
        log.say("Stopping …")
        for number in (signal.SIGINT, signal.SIGTERM):  # a second one does not wait
            loop.remove_signal_handler(number)


@contextlib.asynccontextmanager
async def _started_or_stopped(gateway: Gateway, stop: asyncio.Event) -> Any:
    """The gateway, started; a signal during the start ends the start."""
    start = asyncio.ensure_future(gateway.__aenter__())
    stopped = asyncio.ensure_future(stop.wait())
    await asyncio.wait({start, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not start.done():
        start.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await start
        raise KeyboardInterrupt
    await start
    try:
        yield gateway
    finally:
        await gateway.__aexit__(None, None, None)


def run(options: Options) -> None:
    """Serve until SIGINT or SIGTERM."""
    os.umask(0o077)  # what is kept is for this user alone: the records, keys, uploads
    if sys.platform == "win32":
        asyncio.run(_until_told_to_stop(options))
        return
    import uvloop

    uvloop.run(_until_told_to_stop(options))

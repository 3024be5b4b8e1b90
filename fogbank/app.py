"""The composition root: the only file that knows every service, and how the rooms are joined."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import os
import random
import secrets
import signal
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qs

import uvloop

from fogbank import __version__
from fogbank.api import AwsError, Context, ResourceType, Retry, Service
from fogbank.api.cloud import Settings
from fogbank.api.service import TaskHandler
from fogbank.gateway.authentication import LOCAL_ACCOUNT, Authenticator
from fogbank.gateway.authorisation import Gate
from fogbank.gateway.front import Front
from fogbank.gateway.listener import Listener
from fogbank.gateway.pipeline import Pipeline, not_implemented
from fogbank.iam import assume
from fogbank.iam.authoriser import Authoriser
from fogbank.iam.principal import Principal, root
from fogbank.iam.sessions import Credentials, Sessions
from fogbank.kit import arn as arns
from fogbank.kit import ids
from fogbank.registry import SERVICES, Registry
from fogbank.store import Store, StoreError, Tx
from fogbank.wire import Codecs
from fogbank.wire.messages import Request
from fogbank.work import Runner, SystemClock, Task, tasks

if TYPE_CHECKING:
    from fogbank.gateway.tls import Authority

C = TypeVar("C")
_DELIVERY = Retry(attempts=10, first=1.0, factor=2.0, most=300.0)


class Platform:
    """The cloud. Built by `open_platform`, which also starts it."""

    def __init__(self, settings: Settings, store: Store, codecs: Codecs) -> None:
        self.settings = settings
        self.store = store
        self.codecs = codecs
        self.clock = SystemClock()
        self.random = random.SystemRandom()
        self.request_ids = ids.RequestIds(self.random)
        host = "localhost" if settings.listen in ("127.0.0.1", "0.0.0.0", "::", "::1") else settings.listen
        self.endpoint = f"http://{host}:{settings.port}"
        self.registry = Registry(codecs)
        self._components: dict[type[Any], Any] = {}
        secret = _secret(settings.data_dir / "secret")
        self._seals = hashlib.sha256(b"seals" + secret).digest()
        self.sessions = Sessions(secret)
        self.authoriser = Authoriser(store, self.clock)
        self.gate = Gate(self.authoriser)
        # Keys of convenience only where nobody else can reach the door.
        self.local = not settings.strict and settings.listen in ("127.0.0.1", "localhost", "::1")
        self._authenticator = Authenticator(self.sessions, lambda: store.generation("iam."), local=self.local)
        self.pipeline = Pipeline(self, codecs, self._authenticator, self.gate)
        self.runner = Runner(store, self.clock, self.random, self._task_handler, self._task_context)
        front = Front(self.pipeline.handle, local=self.local)
        self.listener = Listener(front.handle, clock=self.clock.now, tls=lambda: self.authority.context())

    @cached_property
    def authority(self) -> Authority:
        """Signs the certificates of our TLS addresses; made when the first TLS client or function comes."""
        from fogbank.gateway.tls import Authority

        return Authority(self.settings.data_dir / "tls")

    # --- services

    def service(self, name: str) -> Service:
        return self.registry.service(name)

    def resource_type(self, type_name: str) -> ResourceType | None:
        return self.registry.resource_type(type_name)

    def component(self, kind: type[C]) -> C:
        from fogbank.engine import Engine

        if kind not in self._components:
            # What a service keeps in memory, apart from the engine, is made of nothing.
            self._components[kind] = self._new_engine() if kind is Engine else kind()
        return cast(C, self._components[kind])

    def _new_engine(self) -> Any:
        from fogbank.engine import Engine
        from fogbank.engine.spec import EngineSettings
        from fogbank.services.lambda_.hosting import Hosting

        engine_settings = EngineSettings(
            data_dir=self.settings.data_dir, isolation=self.settings.isolation, obtain=self.settings.obtain_runtimes
        )
        return Engine(engine_settings, self.clock, self.random, Hosting(self, self.listener, self.authority.ca_bundle()))

    # --- contexts and calls

    def key_holder(self, ctx: Context, access_key: str, token: str) -> tuple[Principal, str]:
        return self._authenticator.holder(ctx.tx, access_key, token, "s3", self.clock.now())

    def context(self, service: str, account: str, region: str, principal: Principal) -> Context:
        return Context(self, service, account, region, principal, ids.uuid4(self.random))

    def call(
        self, ctx: Context, service: str, operation: str, params: dict[str, Any],
        principal: Principal | None, account: str | None, region: str | None,
    ) -> dict[str, Any]:
        inner = ctx.acting(service=service, principal=principal, account=account, region=region)
        return self.pipeline.call(inner, service, operation, params)

    async def call_async(
        self, ctx: Context, service: str, operation: str, params: dict[str, Any],
        principal: Principal | None, account: str | None, region: str | None,
    ) -> dict[str, Any]:
        inner = ctx.acting(service=service, principal=principal, account=account, region=region)
        return await self.pipeline.call_async(inner, service, operation, params)

    def assume(self, ctx: Context, role_arn: str, session_name: str, service_principal: str) -> Principal:
        def change(tx: Tx) -> Principal:
            return assume.assume_by_service(tx, role_arn, session_name, service_principal, self.clock.now())

        return change(ctx.tx) if ctx.has_transaction else self.store.run(change)[0]

    def authorise(
        self, ctx: Context, action: str, resource: str, context: Mapping[str, Any], principal: Principal
    ) -> None:
        if ctx.has_transaction:
            self.gate.check(ctx, action, resource, context, principal)
        else:
            self.store.run(lambda tx: self.gate.check(ctx.within(tx), action, resource, context, principal))

    # --- work

    def schedule(self, ctx: Context, kind: str, payload: Mapping[str, Any], delay: float, key: str) -> str:
        return tasks.schedule(
            ctx.tx, kind, dict(payload), due=self.clock.now() + delay, key=key, account=ctx.account, region=ctx.region,
            random=self.random,
        )

    def cancel(self, ctx: Context, kind: str, key: str) -> None:
        tasks.cancel(ctx.tx, kind, key)

    def deliver(self, ctx: Context, target_arn: str, event: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        payload = {"target": target_arn, "event": dict(event), "options": dict(options), "trace": ctx.trace}
        # A lane for each target: a slow one does not hold up the others.
        tasks.schedule(
            ctx.tx, "deliver", payload, due=self.clock.now(), account=ctx.account, region=ctx.region, random=self.random,
            lane=target_arn,
        )

    def _task_handler(self, kind: str) -> TaskHandler:
        if kind == "deliver":
            return TaskHandler("deliver", self._deliver, True, _DELIVERY)
        return self.service(kind.partition(".")[0]).tasks[kind]

    def _task_context(self, task: Task, tx: Tx | None) -> Context:
        service = task.kind.partition(".")[0]
        return Context(self, service, task.account, task.region, root(task.account), task.id, None, tx)

    async def _deliver(self, ctx: Context, payload: dict[str, Any]) -> None:
        parsed = arns.parse(payload["target"])
        if parsed is None or parsed.service not in SERVICES:
            raise AwsError("InvalidTarget", f"Nothing delivers to {payload['target']}.")
        targets = self.service(parsed.service).targets
        handler = targets.get(f"{parsed.service}:{parsed.type}") or targets.get(f"{parsed.service}:")
        if handler is None:
            raise not_implemented(parsed.service, f"delivery to {parsed.type}")
        inner = ctx.acting(service=parsed.service, account=parsed.account or ctx.account,
                           region=parsed.region or ctx.region)
        inner.trace = payload.get("trace", "")
        await handler(inner, payload["target"], payload["event"], **payload["options"])

    def signer(self, ctx: Context, request: Request) -> Principal:
        return self.pipeline.signer(ctx.tx, request)

    def issue(self, session: Principal) -> Credentials:
        return self.sessions.issue(session, self.random)

    # --- proofs on addresses

    def seal(self, text: str, expires: int) -> str:
        proof = hmac.new(self._seals, f"{text}\n{expires}".encode(), hashlib.sha256).hexdigest()
        return f"expires={expires}&proof={proof}"

    def sealed(self, text: str, query: str) -> bool:
        given = {name: values[0] for name, values in parse_qs(query).items()}
        expires = given.get("expires", "")
        if not expires.isdecimal() or int(expires) < self.clock.now():
            return False
        right = hmac.new(self._seals, f"{text}\n{int(expires)}".encode(), hashlib.sha256).hexdigest()
        return hmac.compare_digest(right.encode(), given.get("proof", "").encode())

    # --- life

    def health(self) -> dict[str, Any]:
        return {
            "status": "running",
            "version": __version__,
            "services": {name: "running" if name in self.registry.loaded else "available" for name in sorted(SERVICES)},
        }

    async def start(self) -> None:
        if self.settings.isolation != "auto":
            from fogbank.engine import Engine

            await self.component(Engine).start()  # refuses where the machine gives less than was demanded
        await self.listener.listen(self.settings.listen, self.settings.port)
        await self.runner.start()

    async def stop(self) -> None:
        await self.listener.stop()
        await self.pipeline.stop()
        await self.runner.stop()
        for name, manifest in self.registry.loaded.items():
            if manifest.on_stop:
                await manifest.on_stop(self.context(name, LOCAL_ACCOUNT, "us-east-1", root(LOCAL_ACCOUNT)))
        for component in self._components.values():
            await component.stop()
        await self.store.close()


def serve(settings: Settings) -> int:
    """Runs the cloud until SIGTERM or SIGINT; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        uvloop.run(_serve(settings, time.perf_counter()))
    except (OSError, StoreError) as error:
        print(f"Fogbank cannot start: {error}")
        return 1
    return 0


async def _serve(settings: Settings, began: float) -> None:
    from fogbank.cli import runfile
    from fogbank.iam.rootkey import ensure_root_key

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = await Store.open(settings.data_dir)
    strict = os.environ.get("FOGBANK_STRICT_OUTPUT") == "1"  # for tests: an output that the model lacks is an error
    platform = Platform(settings, store, Codecs(settings.data_dir / "cache", strict=strict))
    await platform.start()
    runfile.write(settings.data_dir, platform.endpoint)
    took = (time.perf_counter() - began) * 1000
    print(f"Fogbank is ready: {platform.endpoint} (data in {settings.data_dir}, {took:.0f} ms)", flush=True)
    try:
        if settings.strict or not platform.local:
            await ensure_root_key(store, LOCAL_ACCOUNT, print)
        await stop.wait()
    finally:
        await platform.stop()
        runfile.remove(settings.data_dir)


def _secret(path: Path) -> bytes:
    """The key behind session tokens and the proofs on addresses: made once, readable by us alone."""
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    value = secrets.token_bytes(32)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())
    return value

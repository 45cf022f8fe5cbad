"""`Idempotency-Key`: the same call again gets the same answer, and does nothing again."""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Awaitable, Callable
from typing import Final

import orjson
from fastapi.responses import Response

from contacts_api.actions.reading import wrong_parameter
from contacts_api.routes.door import Answer, Call, respond
from contacts_api.store import commands as store
from service_kit.problems import Problem

WAIT_SECONDS: Final = 3.0
LOOK_AGAIN_SECONDS: Final = 0.05
MAY_CHANGE: Final = frozenset({401, 403, 429})
CONTACT: Final = re.compile(r"contact_[a-z2-7]{26}")

Run = Callable[[str | None], Awaitable[Answer]]


async def run_once(call: Call, body: bytes, run: Run) -> Response:
    """``run`` gets the key. Kept for 24 hours: 2xx and 4xx but those that may change by then. Such
    an answer, given again, says so in ``Idempotency-Replayed``.
    """
    once = key_of(call)
    if once is None:
        return respond(call, await run(None))
    digest = hashlib.sha256(
        b"\0".join((call.request.method.encode(), call.request.url.path.encode(), body))
    ).hexdigest()
    if not await _claim(call, once, digest):
        kept = await _kept(call, once, digest)
        call.headers["Idempotency-Replayed"] = "true"
        return respond(call, kept)
    try:
        answer = await run(once)
    except Problem as problem:
        if 400 <= problem.status < 500 and problem.status not in MAY_CHANGE:
            document = problem.document(call.request.scope.get("request_id", ""))
            await _keep(call, once, Answer(problem.status, document))
        else:
            await _forget(call, once)
        raise
    except BaseException:
        await _forget(call, once)
        raise
    await _keep(call, once, answer)
    return respond(call, answer)


def key_of(call: Call) -> str | None:
    """The key that the caller sent, if any. Raises Problem 422."""
    once = call.request.headers.get("idempotency-key")
    if once is None:
        return None
    if not 1 <= len(once) <= 255 or not once.isprintable():
        raise wrong_parameter("Idempotency-Key", "1 to 255 printable characters.")
    return once


def _caller(call: Call) -> tuple[str, str]:
    return call.principal.space, call.principal.id


async def _claim(call: Call, once: str, digest: str) -> bool:
    async with call.state.transaction(call.principal.space) as tx:
        return await store.claim_answer(tx, _caller(call), once, digest)


async def _kept(call: Call, once: str, digest: str) -> Answer:
    """The first call's answer, waited for while it runs."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        async with call.state.transaction(call.principal.space) as tx:
            row = await store.find_answer(tx, _caller(call), once)
        if row is not None and not hmac.compare_digest(row["digest"], digest):
            raise Problem(
                422, "idempotency-key-reused", "This Idempotency-Key was used for another call."
            )
        if row is not None and row["status"] is not None:
            return Answer(row["status"], orjson.loads(row["body"]), row["location"])
        if row is None or time.monotonic() > deadline:
            raise Problem(
                409, "in-progress", "The first call of this key has not ended.",
                headers={"Retry-After": "1"},
            )  # fmt: skip
        await asyncio.sleep(LOOK_AGAIN_SECONDS)


async def _keep(call: Call, once: str, answer: Answer) -> None:
    body = orjson.dumps(answer.body).decode()
    named = sorted(set(CONTACT.findall(body)))
    async with call.state.transaction(call.principal.space) as tx:
        await store.keep_answer(
            tx, _caller(call), once, (answer.status, answer.location, body), named
        )


async def _forget(call: Call, once: str) -> None:
    async with call.state.transaction(call.principal.space) as tx:
        await store.forget_answer(tx, _caller(call), once)

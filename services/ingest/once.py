"""`Idempotency-Key`: the same call again gets the same answer.

What the call does is safe to repeat without it, since events are known by their ids: two calls at
once may both run, and the answer that was kept first is given to both.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from ingest import store
from ingest.accepting import Transactions
from ingest.keys import Found
from service_kit.problems import FieldError, Problem

ANSWERS_KEPT: Final = timedelta(hours=24)

Run = Callable[[], Awaitable[bytes]]


async def run_once(
    transactions: Transactions, found: Found, headers: Mapping[str, str], body: bytes, run: Run
) -> bytes:
    """The answer of ``run``, or the one that this key of this caller got for the same body."""
    once = headers.get("idempotency-key")
    if once is None:
        return await run()
    if not 1 <= len(once) <= 255 or not once.isprintable():
        wrong = FieldError("Idempotency-Key", "invalid", "1 to 255 printable characters.")
        raise Problem(422, "invalid", "Some parameters are not valid.", errors=[wrong])
    call = (found.agent.agent, found.key.id, once)
    digest = hashlib.sha256(body).hexdigest()
    kept = await _kept(transactions, call, digest)
    if kept is not None:
        return kept
    answer = await run()
    now = datetime.now(UTC)
    async with transactions.transaction() as tx:
        await store.keep_answer(tx, call, digest, answer.decode(), now, now - ANSWERS_KEPT)
    return await _kept(transactions, call, digest) or answer


async def _kept(
    transactions: Transactions, call: tuple[str, str, str], digest: str
) -> bytes | None:
    async with transactions.transaction() as tx:
        found = await store.find_answer(tx, call, datetime.now(UTC) - ANSWERS_KEPT)
    if found is None:
        return None
    before, answer = found
    if not hmac.compare_digest(before, digest):
        raise Problem(
            422, "idempotency-key-reused", "This Idempotency-Key was used for another call."
        )
    return answer.encode()

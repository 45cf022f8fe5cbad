"""How all services are doing, and the messages that they gave up."""

import asyncio
import time
from typing import Any

from asyncpg import Record

from contacts_api.actions.ordering import audit
from contacts_api.actions.reading import need, not_found
from contacts_api.domain.contact_view import moment
from contacts_api.domain.lag import lag_of, missing, trend
from contacts_api.domain.lag_words import WORST_FIRST, service_word, stream_word
from contacts_api.domain.principal import Principal
from contacts_api.domain.told import History, Silent, Told, last_told, silence
from contacts_api.state import State
from contacts_api.store.holds import list_holds
from contacts_api.watching import OWN, ask
from service_kit import operating
from service_kit.problems import Problem

Json = dict[str, Any]
PATIENCE_SECONDS = 5.0


async def get_lag(state: State, principal: Principal) -> Json:
    """From the samples of the poller: no service and no broker is asked for it. Worst first."""
    need(principal, "contacts:read")
    history = tuple(state.watch.rounds)
    probe = state.probe.figures()
    async with state.transaction(principal.space) as tx:
        held = [_hold(row) for row in await list_holds(tx, principal.space)]
    shown: Json = {"probe_ms": probe["p95_ms"], "probe": probe, "services": [], "holds": held}
    if not history:
        return shown
    now = time.time()
    lost = missing(history)
    services = [_service(history, name, now, lost) for name in (OWN, *state.settings.doors)]
    services.sort(key=_badness)
    return {**shown, "services": services, "at": history[-1].at}


def _hold(row: Record) -> Json:
    """What CRM and webhooks are not told until somebody has looked."""
    return {
        "id": row["hold"],
        "reason": row["reason"],
        "contacts": row["contacts"],
        "held_at": moment(row["held_at"]),
    }


def _badness(service: Json) -> tuple[int, bool, float]:
    longest = max((stream["lag_seconds"] for stream in service["streams"]), default=0.0)
    return WORST_FIRST.index(service["word"]), service["ready"], -longest


def _service(history: History, name: str, now: float, lost: dict[str, int]) -> Json:
    newest, found = history[-1].services[name], last_told(history, name)
    told = found[1] if found else Told(ready=False)
    reasons = [newest.reason] if isinstance(newest, Silent) else list(newest.reasons)
    groups = sorted(told.streams) if found else []
    return {
        "service": name,
        "ready": isinstance(newest, Told) and newest.ready,
        "reasons": reasons,
        "word": service_word(history, name),
        "silent_rounds": silence(history, name),
        "seen_at": found[0] if found else None,
        "streams": [_stream(history, name, group, now, lost) for group in groups],
        "outbox": {"rows": told.outbox_rows, "oldest_seconds": told.outbox_oldest},
    }


def _stream(history: History, service: str, group: str, now: float, lost: dict[str, int]) -> Json:
    found = last_told(history, service)
    assert found is not None
    stream, lag = found[1].streams[group], lag_of(history, service, group, now)
    return {
        "topic": stream.topic,
        "group": group,
        "lag_messages": lag.messages,
        "lag_seconds": round(lag.seconds, 3),
        "drain_seconds": None if lag.drain is None else round(lag.drain, 1),
        "dead_letters": stream.dead_letters,
        "word": stream_word(history, service, group),
        "arriving": _rounded(lag.arriving),
        "leaving": _rounded(lag.leaving),
        "waits_for": stream.retrying,
        "gaps": stream.gaps,
        "missing": lost.get(group, 0) + stream.unaccounted,
    }


async def get_trend(state: State, principal: Principal) -> dict[str, list[float | None]]:
    """The last 15 minutes, a value a round: worst time lag, dead letters, accepted a second."""
    need(principal, "contacts:read")
    return trend(tuple(state.watch.rounds))


def _rounded(rate: float | None) -> float | None:
    return None if rate is None else round(rate, 2)


async def list_dead_letters(state: State, principal: Principal) -> Json:
    """The newest of each service: ids, places and reasons, never a body. Who did not answer stands
    in `unavailable`.
    """
    need(principal, "contacts:write")
    doors = state.settings.doors
    answers = await asyncio.gather(
        _own_letters(state),
        *(_letters(state, service, url) for service, url in doors.items()),
    )
    data: list[Json] = []
    unavailable: list[str] = []
    for service, answer in zip((OWN, *doors), answers, strict=True):
        if isinstance(answer, Silent):
            unavailable.append(service)
        else:
            data += [
                {**letter, "id": f"{service}-{letter['id']}", "service": service}
                for letter in answer["data"]
            ]
    data.sort(key=lambda letter: str(letter["at"]), reverse=True)
    return {"data": data, "next_cursor": None, "prev_cursor": None, "unavailable": unavailable}


async def _letters(state: State, service: str, url: str) -> Json | Silent:
    """Who did not answer the poller a moment ago is not waited for."""
    newest = state.watch.rounds[-1].services[service] if state.watch.rounds else None
    if isinstance(newest, Silent):
        return newest
    return await ask(state, url, "dead-letters", PATIENCE_SECONDS)


async def _own_letters(state: State) -> Json:
    if state.runtime is None:
        raise ConnectionError("the service is starting")
    return await operating.list_dead_letters(state.runtime)


async def redrive_dead_letter(state: State, principal: Principal, letter: str) -> Json:
    """Send it to its reader again. ``redriven`` is false where that was done before.

    Written down before it is done: nothing is sent again that the audit does not know of.
    """
    need(principal, "workspace:manage")
    service, _, id_ = letter.rpartition("-")
    if service not in {OWN, *state.settings.doors} or not (id_.isascii() and id_.isalnum()):
        raise not_found()
    async with state.transaction(principal.space) as tx:
        await audit(tx, principal, "dead_letter.redriven", [None], dead_letter=letter)
    if service == OWN:
        assert state.runtime is not None
        answer: Json | Silent = await operating.redrive(state.runtime, id_)
    else:
        path = f"dead-letters/{id_}/redrive"
        answer = await ask(state, state.settings.doors[service], path, PATIENCE_SECONDS, "POST")
    if isinstance(answer, Silent):
        raise _refusal(answer)
    return {"id": letter, "redriven": answer["redriven"]}


def _refusal(silent: Silent) -> Problem:
    if silent.reason == "answers 404":
        return not_found()
    if silent.reason == "answers 409":
        text = "It has no value, or is too large to be sent again."
        return Problem(409, "not-redrivable", text)
    text = "The service that gave it up does not answer."
    return Problem(503, "unavailable", text, headers={"Retry-After": "5"})

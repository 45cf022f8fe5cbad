"""People of the team: signing in, staying signed in, and the agents they may see."""

import asyncio
import hashlib
import secrets
import time

from argon2.exceptions import InvalidHashError, VerificationError
from asyncpg import Record

from contact_schema.settings import Policies
from contacts_api.domain.principal import Agent, User
from contacts_api.state import State
from contacts_api.store import workspaces as store
from service_kit.problems import Problem

NOBODYS_PASSWORD = (
    "$argon2id$v=19$m=65536,t=3,p=4$b0tnZ3pQc0Z5WVpXc2hPbA"
    "$ECsvBxH7Lrb2jdvKnXCnVwWh8fUYxTEPRvbZcLMSyCg"
)
"""A hash to check against where there is no such login, so that both take the same time."""


async def sign_in(state: State, login: str, password: str, address: str) -> tuple[str, User]:
    """The secret of the new sign-in, for a cookie, and the person.

    Raises Problem 401, or 429 after five tries a minute by this login and address.
    """
    verdict = state.sign_ins.take(f"{address} {login.casefold()}", 1, time.monotonic())
    if not verdict.allowed:
        raise Problem(
            429, "rate-limited", "Too many tries: wait a minute.", headers=verdict.headers
        )
    async with state.transaction() as tx:
        row = await store.find_user(tx, login)
    known = row["password"] if row else NOBODYS_PASSWORD
    matches = await asyncio.to_thread(_matches, state, known, password)
    if row is None or not matches:
        raise Problem(401, "unauthenticated", "Login or password is not right.")
    token = secrets.token_urlsafe(32)
    async with state.transaction() as tx:
        await store.delete_old_sign_ins(tx)
        await store.insert_sign_in(tx, _digest(token), row["user_id"])
    return token, _user(row)


def _matches(state: State, known: str, password: str) -> bool:
    try:
        return state.passwords.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False


async def signed_in(state: State, token: str) -> User | None:
    """Whom this cookie stands for; 12 hours without a page, or 7 days in all, end it."""
    if not token:
        return None
    async with state.transaction() as tx:
        row = await store.use_sign_in(tx, _digest(token))
    return None if row is None else _user(row)


async def sign_out(state: State, token: str) -> None:
    async with state.transaction() as tx:
        await store.delete_sign_in(tx, _digest(token))


async def agents_of(state: State, user: User) -> list[Agent]:
    """The agents of the person's workspace, oldest first."""
    async with state.transaction() as tx:
        rows = await store.list_agents(tx, user.workspace)
    return [
        Agent(
            id=row["agent"],
            name=row["name"],
            space=row["space"],
            region=row["region"],
            grace_days=row["grace_days"],
            policies=Policies.model_validate_json(row["policies"]),
        )
        for row in rows
    ]


def _user(row: Record) -> User:
    return User(row["user_id"], row["login"], row["role"], row["workspace"])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

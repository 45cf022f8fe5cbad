"""Rounds: load, a fault in the middle of it, a probe until it is through, quiet, compare."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import httpx

from kith.faults import oracle, quiet
from kith.faults.kinds import KINDS, Kind, Scene
from kith.faults.ledger import Ledger
from kith.faults.load import Agent, DoorRefused, Load
from kith.faults.oracle import Findings
from kith.faults.stage import Stage

_HEAL_PATIENCE_SECONDS = 240.0
_QUIET_PATIENCE_SECONDS = 240.0


@dataclass(frozen=True)
class Outcome:
    """One round. `heal` is seconds from the end of the fault to a new event seen through the API
    and all services ready. `events` are those accepted in it.
    """

    number: int
    kind: str
    events: int
    heal: float
    findings: Findings
    trouble: str = ""
    """What kept the round from being judged; then it counts as not clean."""

    @property
    def clean(self) -> bool:
        return not self.trouble and self.findings.clean


@dataclass
class Run:
    stage: Stage
    ledger: Ledger
    seed: int
    rate: float = 60.0
    outcomes: list[Outcome] = field(default_factory=list)

    async def play(
        self,
        kinds: Sequence[Kind],
        told: Callable[[Outcome], None] = lambda _: None,
        seconds: float = float("inf"),
        first: int = 1,
    ) -> list[Outcome]:
        """One round for each kind, in this order, none begun after so many seconds.

        `first` is the number of the first: a run that was cut off goes on with the same faults.

        Ends early when a round could not be judged.
        """
        end = time.monotonic() + seconds
        await oracle.prepare(self.stage.servers.direct_dsn)
        load = Load(
            self.ledger,
            self.stage.configuration.url("ingest"),
            self.stage.agents,
            self.rate,
            self.seed,
        )
        for number, kind in enumerate(kinds, first):
            if time.monotonic() > end:
                break
            outcome = await self._round(load, number, kind)
            self.outcomes.append(outcome)
            told(outcome)
            if outcome.trouble:
                break
        return self.outcomes

    async def _round(self, load: Load, number: int, kind: Kind) -> Outcome:
        dice = random.Random(f"{self.seed}/{number}/{kind.name}")
        before = set(self.ledger.accepted)
        load.start()
        heal, trouble, findings = 0.0, "", Findings()
        try:
            try:
                await asyncio.sleep(dice.uniform(0.5, 1.5))
                await kind.make(Scene(self.stage, load, dice))
                heal = await self._healed(load, dice.choice(self.stage.agents))
            finally:
                await load.stop()
        except TimeoutError as error:
            trouble = f"did not heal: {error}"
        except DoorRefused as error:
            trouble = f"refused: {error}"
        if not trouble:
            findings, trouble = await self._compare(before)
        return Outcome(
            number, kind.name, len(self.ledger.accepted) - len(before), heal, findings, trouble
        )

    async def _healed(self, load: Load, agent: Agent) -> float:
        started = time.monotonic()
        async with asyncio.timeout(_HEAL_PATIENCE_SECONDS):
            person = await load.send_one(agent)
            await self._until_seen(agent, person)
            reasons = await quiet.unready(self.stage.urls)
            while reasons:
                await asyncio.sleep(0.1)
                reasons = await quiet.unready(self.stage.urls)
        return time.monotonic() - started

    async def _until_seen(self, agent: Agent, person: str) -> None:
        headers = {"Authorization": f"Bearer {agent.key}"}
        url = self.stage.configuration.url("contacts_api")
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=5) as client:
            seen = await _sees(client, person)
            while not seen:
                await asyncio.sleep(0.1)
                seen = await _sees(client, person)

    async def _compare(self, before: set[str]) -> tuple[Findings, str]:
        stage = self.stage
        dsn, bootstrap = stage.servers.direct_dsn, stage.servers.bootstrap
        try:
            await quiet.until_quiet(
                dsn, bootstrap, stage.urls, stage.topics_file, _QUIET_PATIENCE_SECONDS
            )
        except quiet.NeverQuiet as error:
            return Findings(), f"never quiet: {error}"
        new = [sent for marker, sent in self.ledger.accepted.items() if marker not in before]
        api = stage.configuration.url("contacts_api")
        return await oracle.compare(dsn, api, self.ledger, stage.agents, new), ""


async def _sees(client: httpx.AsyncClient, person: str) -> bool:
    try:
        answer = await client.get("/v1/contacts", params={"conversation_id": person})
        if answer.status_code != 200 or not answer.json()["data"]:
            return False
        contact = answer.json()["data"][0]["id"]
        timeline = await client.get(f"/v1/contacts/{contact}/timeline")
        return timeline.status_code == 200 and bool(timeline.json()["data"])
    except httpx.HTTPError:
        return False


def schedule(rounds: int, seed: int, only: str = "") -> list[Kind]:
    """Every kind before any comes again, each turn in an order of its own."""
    wanted = [kind for kind in KINDS if only in kind.name]
    dice, kinds = random.Random(seed), list[Kind]()
    while len(kinds) < rounds:
        turn = list(wanted)
        dice.shuffle(turn)
        kinds += turn
    return kinds[:rounds]

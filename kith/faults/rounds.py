"""Rounds: load, a fault in the middle of it, a probe until it is through, quiet, compare."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kith.faults import oracle, quiet
from kith.faults.kinds import KINDS
from kith.faults.ledger import Ledger
from kith.faults.load import Agent, DoorRefused, Load
from kith.faults.oracle import Findings
from kith.faults.scene import Kind, Scene, Skipped
from kith.faults.seen import until_seen
from kith.faults.stage import Stage

_HEAL_PATIENCE_SECONDS = 240.0
_QUIET_PATIENCE_SECONDS = 240.0
_ROUNDS_OF_AGENTS = 10
"""After so many rounds others send: what is compared after each round stays small."""
LAST = "all of the run once more"


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
    skipped: str = ""
    """Why this machine could not make the fault; then it is counted nowhere."""
    unanswered: int = 0
    """Calls to the door without an answer."""
    ended: tuple[str, ...] = ()
    """Processes that ended by themselves in it, and were started again."""
    parts: tuple[str, ...] = ()
    """The faults that were made together, if there was more than one."""

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
    _agents: list[Agent] = field(default_factory=list)
    """All that ever sent."""
    _since: int = 0

    async def play(
        self,
        kinds: Sequence[Kind],
        told: Callable[[Outcome], None] = lambda _: None,
        seconds: float = float("inf"),
        first: int = 1,
    ) -> list[Outcome]:
        """One round for each kind, in this order, none begun after so many seconds; then all of
        them are compared once more.

        `first` is the number of the first: a run that was cut off goes on with the same faults.
        Ends at a round that is not clean: what comes after it would not be judged fairly.
        """
        end = time.monotonic() + seconds
        await oracle.prepare(self.stage.servers.direct_dsn)
        ingest = f"http://127.0.0.1:{self.stage.to_ingest.port}"
        load = Load(self.ledger, ingest, self.stage.agents, self.rate, self.seed)
        self._agents = list(self.stage.agents)
        for number, kind in enumerate(kinds, first):
            if time.monotonic() > end:
                break
            if number > first and (number - first) % _ROUNDS_OF_AGENTS == 0:
                await self._change_agents(load)
            outcome = await self._round(load, number, kind)
            self.outcomes.append(outcome)
            told(outcome)
            if not outcome.clean:
                return self.outcomes
        if len(self._agents) > len(self.stage.agents):
            await self._compare_all(told)
        return self.outcomes

    async def _change_agents(self, load: Load) -> None:
        await asyncio.to_thread(self.stage.new_agents)
        load.agents = self.stage.agents
        self._agents += self.stage.agents
        self._since = await oracle.last_applied(self.stage.servers.direct_dsn)

    async def _round(self, load: Load, number: int, kind: Kind) -> Outcome:
        dice = random.Random(f"{self.seed}/{number}/{kind.name}")
        scene = Scene(self.stage, load, dice)
        before, unknown = self.ledger.accepted.keys() | self.ledger.erased, self.ledger.unknown
        ended = len(self.stage.ended_by_themselves())
        load.start()
        heal, trouble, skipped, findings = 0.0, "", "", Findings()
        try:
            try:
                await scene.wait(0.3, 1.0)
                await kind.make(scene)
                heal = await self._healed(load, dice.choice(self.stage.agents))
            finally:
                await load.stop()
        except Skipped as error:
            skipped = str(error)
        except TimeoutError as error:
            trouble = f"did not heal: {error}"
        except DoorRefused as error:
            trouble = f"refused: {error}"
        except Exception as error:  # whatever it is, this round says nothing
            trouble = f"could not be made: {type(error).__name__}: {error}"
        if not trouble:
            findings, trouble = await self._compare(scene, before)
        events = len(self.ledger.accepted.keys() | self.ledger.erased) - len(before)
        unanswered = self.ledger.unknown - unknown
        told = (number, kind.name, events, heal, findings, trouble, skipped, unanswered)
        by_themselves = tuple(self.stage.ended_by_themselves()[ended:])
        return Outcome(*told, by_themselves, tuple(scene.parts))

    async def _healed(self, load: Load, agent: Agent) -> float:
        started = time.monotonic()
        async with asyncio.timeout(_HEAL_PATIENCE_SECONDS):
            person = await load.send_one(agent)
            await until_seen(self.stage.urls["contacts_api"], agent, person)
            reasons = await quiet.unready(self.stage.urls)
            while reasons:
                await asyncio.sleep(0.1)
                reasons = await quiet.unready(self.stage.urls)
        return time.monotonic() - started

    async def _compare(self, scene: Scene, before: set[str]) -> tuple[Findings, str]:
        stage = self.stage
        dsn = stage.servers.direct_dsn
        wrong: list[str] = []
        try:
            await quiet.until_quiet(dsn, stage.urls, stage.topics_file, _QUIET_PATIENCE_SECONDS)
            for check in scene.checks:
                wrong += await check()
        except quiet.NeverQuiet as error:
            return Findings(), f"never quiet: {error}"
        except TimeoutError:
            return Findings(), "a check did not end"
        new = [sent for marker, sent in self.ledger.accepted.items() if marker not in before]
        api = stage.configuration.url("contacts_api")
        findings = await oracle.compare(dsn, api, self.ledger, stage.agents, new, self._since)
        return findings, "; ".join(wrong)

    async def _compare_all(self, told: Callable[[Outcome], None]) -> None:
        """So that nothing of an early round is undone by a later one."""
        dsn, api = self.stage.servers.direct_dsn, self.stage.configuration.url("contacts_api")
        findings = await oracle.compare(dsn, api, self.ledger, self._agents, ())
        if not findings.clean:
            outcome = Outcome(self.outcomes[-1].number, LAST, 0, 0.0, findings)
            self.outcomes.append(outcome)
            told(outcome)


def schedule(rounds: int, seed: int, only: str = "") -> list[Kind]:
    """Every kind before any comes again, each turn in an order of its own."""
    wanted = [kind for kind in KINDS if any(word in kind.name for word in only.split("|"))]
    dice, kinds = random.Random(seed), list[Kind]()
    while len(kinds) < rounds:
        turn = list(wanted)
        dice.shuffle(turn)
        kinds += turn
    return kinds[:rounds]

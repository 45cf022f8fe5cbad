"""The calls of one round: looked up, sent in batches, split at a bad input, each with its fate."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Literal

from crm_sync.domain.answers import (
    Exists,
    Found,
    Gone,
    Halted,
    Item,
    Later,
    Outcome,
    Split,
    Written,
    judge_batch,
    judge_read,
)
from crm_sync.domain.profile import KEY_PROPERTY, agreed
from crm_sync.domain.sending import Base, DueLink, Round, adopt, batches_of, compare, first_push
from crm_sync.hubspot import HubSpot

Linked = Callable[[Iterable[str]], Awaitable[Mapping[str, tuple[str, str]]]]
"""Which record and contact these remote ids are linked to already."""


class Delivery:
    """``outcomes`` and ``bases`` by record, complete once `deliver` has returned."""

    def __init__(
        self, hubspot: HubSpot, field_map: Mapping[str, str], linked: Linked, size: int
    ) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self.bases: dict[str, Base] = {}
        self.halt: Later | Halted | None = None
        self._hubspot = hubspot
        self._field_map = field_map
        self._linked = linked
        self._size = size
        self._claimed: dict[str, DueLink] = {}
        self._due: dict[str, DueLink] = {}

    async def deliver(self, work: Round, due: Mapping[str, DueLink]) -> None:
        self._due = dict(due)
        updates = list(work.updates)
        updates += await self._compare(work.compares)
        found, unknown = await self._look_up(work.link_ups)
        updates += found
        await self._send("upsert", [first_push(one, self._field_map) for one in unknown])
        updates += await self._adopt_existing(unknown)
        await self._send("update", updates)
        await self._keep_apart()

    async def _keep_apart(self) -> None:
        """After a merge in HubSpot two links answer with one id: it stays with who had it first."""
        new = {
            record: outcome.remote_id
            for record, outcome in self.outcomes.items()
            if isinstance(outcome, Written)
            and outcome.remote_id != self._due[record].link.remote_id
        }
        if not new:
            return
        linked = await self._linked(new.values())
        holders = {remote_id: held for remote_id, held in linked.items() if held[0] not in new}
        for record, remote_id in new.items():
            own = (record, self._due[record].link.contact)
            holder = holders.setdefault(remote_id, own)
            if holder != own:
                self.outcomes[record] = Exists(remote_id, holder[1])

    async def _compare(self, forced: Sequence[DueLink]) -> list[Item]:
        if not forced:
            return []
        ids = [one.link.remote_id or "" for one in forced]
        records = await self._read(forced, ids, None)
        items = []
        for one, remote_id in zip(forced, ids, strict=True):
            if one.link.record in self.outcomes:
                continue
            if remote_id not in records:
                self.outcomes[one.link.record] = Gone()
                continue
            item, base = compare(one, self._field_map, records[remote_id])
            items += self._needed(item, base)
        return items

    async def _look_up(self, link_ups: Sequence[DueLink]) -> tuple[list[Item], list[DueLink]]:
        """Records that are there already: under our key after an attempt without answer, else by
        the address as given. The rest is new.
        """
        tried = [one for one in link_ups if one.uncertain]
        by_key = await self._read(tried, [one.link.record for one in tried], KEY_PROPERTY)
        keys = {row.get(KEY_PROPERTY, ""): remote_id for remote_id, row in by_key.items()}
        others = [one for one in link_ups if one.link.record not in keys and _address(one)]
        by_address = await self._read(others, [_address(one) for one in others], "email")
        addresses = {
            address: remote_id
            for remote_id, row in by_address.items()
            for address in _addresses(row)
        }
        matches = {
            one.link.record: keys.get(one.link.record) or addresses.get(_address(one).lower())
            for one in link_ups
            if one.link.record not in self.outcomes
        }
        unknown = [
            one for one in link_ups if one.link.record in matches and not matches[one.link.record]
        ]
        pairs = [
            (one, remote_id) for one in link_ups if (remote_id := matches.get(one.link.record))
        ]
        return await self._adopt(pairs, {**by_address, **by_key}), unknown

    async def _adopt_existing(self, pushed: Sequence[DueLink]) -> list[Item]:
        """HubSpot has somebody with that address after all, as an additional one."""
        pairs = []
        for one in pushed:
            outcome = self.outcomes.get(one.link.record)
            if isinstance(outcome, Exists) and outcome.remote_id is not None:
                pairs.append((one, outcome.remote_id))
        if not pairs or self.halt is not None:
            return []
        refused = {one.link.record: self.outcomes.pop(one.link.record) for one, _ in pairs}
        records = await self._read([one for one, _ in pairs], [r for _, r in pairs], None)
        readable = [(one, remote_id) for one, remote_id in pairs if remote_id in records]
        for one, _ in pairs:
            if one not in [r for r, _ in readable]:
                self.outcomes.setdefault(one.link.record, refused[one.link.record])
        return await self._adopt(readable, records)

    async def _adopt(self, pairs: Sequence[tuple[DueLink, str]], records: Found) -> list[Item]:
        if not pairs:
            return []
        linked = await self._linked(remote_id for _, remote_id in pairs)
        items = []
        for one, remote_id in pairs:
            record = one.link.record
            holder = linked.get(remote_id)
            if holder is not None and holder[0] != record:
                self.outcomes[record] = Exists(remote_id, holder[1])
                continue
            first = self._claimed.setdefault(remote_id, one)
            if first is not one:
                self.outcomes[record] = Exists(remote_id, first.link.contact)
                continue
            item, base = adopt(one, self._field_map, remote_id, records[remote_id])
            items += self._needed(item, base)
        return items

    def _needed(self, item: Item, base: Base) -> list[Item]:
        """The item, or none when both sides agree already: then nothing is sent."""
        self.bases[item.record] = base
        if item.properties:
            return [item]
        self.outcomes[item.record] = Written(item.id)
        return []

    async def _read(self, asking: Sequence[DueLink], ids: Sequence[str], by: str | None) -> Found:
        """The records, or an outcome for everybody who asked."""
        asking = [one for one in asking if one.link.record not in self.outcomes]
        if not asking:
            return {}
        if self.halt is None:
            wanted = [*self._field_map.values(), "hs_additional_emails"]
            answer = judge_read(await self._hubspot.read(dict.fromkeys(ids), wanted, by))
            if not isinstance(answer, Later | Halted):
                return answer
            self._notice([answer])
            failed: Outcome = answer
        else:
            failed = self.halt
        self.outcomes.update({one.link.record: failed for one in asking})
        return {}

    async def _send(self, action: Literal["upsert", "update"], items: Sequence[Item]) -> None:
        for batch in batches_of(items, self._size):
            await self._send_batch(action, batch)

    async def _send_batch(self, action: Literal["upsert", "update"], batch: Sequence[Item]) -> None:
        if self.halt is not None:
            self.outcomes.update({item.record: self.halt for item in batch})
            return
        verdict = judge_batch(await self._hubspot.write(action, batch), batch)
        if isinstance(verdict, Split):
            # One of them is bad: the others go through
            middle = len(batch) // 2
            await self._send_batch(action, batch[:middle])
            await self._send_batch(action, batch[middle:])
            return
        self._notice(verdict.values())
        self.outcomes.update(verdict)
        for item in batch:
            outcome = verdict[item.record]
            if isinstance(outcome, Written):
                self._agree(item, outcome)
                self._claimed.setdefault(outcome.remote_id, self._due[item.record])

    def _agree(self, item: Item, written: Written) -> None:
        sent = {name: value for name, value in item.properties.items() if name != KEY_PROPERTY}
        before = self.bases.get(item.record, self._due[item.record].link.base)
        self.bases[item.record] = {**before, **agreed(sent, written.properties)}

    def _notice(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Halted) or (isinstance(outcome, Later) and outcome.everything):
                self.halt = outcome
                return


def _address(due: DueLink) -> str:
    return due.fields.get("email", "")


def _addresses(row: Mapping[str, str]) -> list[str]:
    named = (row.get("email", ""), *row.get("hs_additional_emails", "").split(";"))
    return [address.strip().lower() for address in named if address.strip()]

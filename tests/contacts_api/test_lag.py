"""What is said of lag: the words, the figures of a silent service, and what is missing."""

from collections.abc import Sequence
from typing import Any

import pytest

from contacts_api.domain.lag import lag_of, missing
from contacts_api.domain.lag_words import Word, service_word, stream_word, word_of, worst
from contacts_api.domain.told import Round, Silent, Told, read_told, round_of

GROUP, TOPIC = "merge-resolver.interactions", "contacts.interactions.v1"
EVERY = 5.0

STEADY = [(100 + n, 100 + n) for n in range(10)]
WORDS: dict[str, tuple[Sequence[tuple[int, int]], Word]] = {
    "nine looks are not enough to call it well": (STEADY[:9], "collecting"),
    "without lag": (STEADY, "ok"),
    "idle for ever": ([(5, 5)] * 10, "ok"),
    "a lag that was gone once in the window": ([(9, 9), *[(9, 10 + n) for n in range(9)]], "ok"),
    "the offset went back": ([(50, 90)] * 5 + [(20, 90)] * 5, "rewound"),
    "the offset stands still": ([(50, 60 + n) for n in range(10)], "stalled"),
    "it moves and the lag grows": ([(50 + n, 60 + 3 * n) for n in range(10)], "falling-behind"),
    "it moves and the lag stays": ([(50 + n, 60 + n) for n in range(10)], "falling-behind"),
    "it moves and the lag falls": ([(50 + 3 * n, 90 + n) for n in range(10)], "catching-up"),
    "only the last ten looks count": ([(7, 7), *[(50, 60)] * 10], "stalled"),
}


@pytest.mark.parametrize("case", WORDS)
def test_the_word_of_a_partition(case: str) -> None:
    places, word = WORDS[case]
    assert word_of(places) == word


def test_the_worst_partition_wins() -> None:
    assert worst(["ok", "stalled", "catching-up"]) == "stalled"


def answer(
    position: int, end: int, at: float, *, applied: int = 0, emitted: int = 0, rows: int = 0
) -> Told:
    """What a service's door tells, of one stream with one partition."""
    told: dict[str, Any] = {
        "ready": True,
        "reasons": [],
        "outbox": {"rows": rows, "oldest_seconds": 0.0},
        "emitted": [[TOPIC, 0, emitted, emitted - 1]] if emitted else [],
        "applied": [[TOPIC, 0, "ingest", applied]] if applied else [],
        "streams": [
            {
                "topic": TOPIC,
                "group": GROUP,
                "places": {"0": [position, end]},
                "lag_seconds": 2.5 if end > position else 0,
                "dead_letters": 0,
                "retrying": None,
                "measured_at": at,
                "unaccounted": 0,
                "gaps": 0,
            }
        ],
    }
    return read_told(told)


def sender(sequence: int, end: int, rows: int = 0) -> Told:
    return Told(True, emitted={(TOPIC, 0): (sequence, end)}, outbox_rows=rows)


def history(*rounds: tuple[Told | Silent, Told | Silent | None]) -> list[Round]:
    """Rounds of 5 s: the resolver's answer, and that of ingest, which writes what it reads."""
    return [
        round_of(EVERY * n, {"merge_resolver": reader} | ({"ingest": other} if other else {}))
        for n, (reader, other) in enumerate(rounds)
    ]


def well(count: int = 10, at: int = 0) -> list[tuple[Told | Silent, Told | Silent | None]]:
    return [(answer(100, 100, EVERY * (at + n)), sender(7, 100)) for n in range(count)]


FROZEN = Silent("does not answer within 4 s")
KILLED = Silent("nobody listens", gone=True)


def test_a_killed_service_is_stopped_at_once() -> None:
    told = history(*well(), (KILLED, sender(7, 100)))
    assert stream_word(told, "merge_resolver", GROUP) == "stopped"
    assert service_word(told, "merge_resolver") == "stopped"


def test_a_frozen_service_is_without_data_after_three_rounds_and_stopped_after_ten() -> None:
    words = [
        service_word(history(*well(), *[(FROZEN, sender(7, 100))] * silent), "merge_resolver")
        for silent in range(1, 12)
    ]
    assert words[2:9] == ["no-data"] * 7
    assert words[9:] == ["stopped"] * 2


def test_a_service_that_comes_back_is_called_well_after_ten_looks_and_not_for_what_it_was() -> None:
    silent = [*well(), *[(FROZEN, sender(7, 100))] * 12]
    words = [
        service_word(history(*silent, *well(looks, at=22)), "merge_resolver")
        for looks in (1, 9, 10)
    ]
    assert words == ["collecting", "collecting", "ok"]


def test_a_look_that_came_late_is_no_silence() -> None:
    told = history(*well(5), *[(FROZEN, None)] * 4, *well(5, at=9))
    assert service_word(told, "merge_resolver") == "ok"


def test_a_service_whose_own_looks_fail_is_without_data_though_it_answers() -> None:
    told = history(*well(), *[(answer(100, 100, 45.0), None)] * 4)
    assert stream_word(told, "merge_resolver", GROUP) == "no-data"


def test_a_service_that_just_started_is_never_called_well() -> None:
    assert service_word(history(*well(3)), "merge_resolver") == "collecting"


def test_a_silent_service_falls_behind_by_what_others_write_meanwhile() -> None:
    told = history(
        *well(), (FROZEN, sender(7, 100)), (FROZEN, sender(9, 104)), (FROZEN, sender(9, 107))
    )
    now = told[-1].at + 2
    lag = lag_of(told, "merge_resolver", GROUP, now)
    assert lag.messages == 7
    assert lag.seconds == pytest.approx(EVERY + 2)
    assert lag.drain is None


def test_a_silent_service_without_anything_new_has_no_lag() -> None:
    told = history(*well(), *[(FROZEN, sender(7, 100))] * 5)
    lag = lag_of(told, "merge_resolver", GROUP, told[-1].at)
    assert (lag.messages, lag.seconds, lag.drain) == (0, 0, 0)


def test_the_time_to_drain_is_what_more_leaves_than_arrives() -> None:
    told = history(*((answer(100 + 30 * n, 1000 + 10 * n, EVERY * n), None) for n in range(10)))
    lag = lag_of(told, "merge_resolver", GROUP, told[-1].at)
    assert (lag.arriving, lag.leaving) == (2, 6)
    assert lag.messages == 720
    assert lag.drain == 180


def test_a_lag_that_does_not_fall_drains_never_at_this_rate() -> None:
    told = history(*((answer(100, 200 + n, EVERY * n), None) for n in range(10)))
    assert lag_of(told, "merge_resolver", GROUP, 60).drain is None


def test_nothing_is_missing_where_the_reader_is_where_the_producer_was() -> None:
    at_rest = [(answer(9, 9, EVERY * n, applied=7), sender(7, 9)) for n in range(8)]
    assert missing(history(*at_rest)) == {GROUP: 0}


def test_what_was_read_and_never_applied_is_missing() -> None:
    lost = [(answer(9, 9, EVERY * n, applied=5), sender(7, 9)) for n in range(8)]
    assert missing(history(*lost)) == {GROUP: 1}


def test_what_is_still_on_its_way_is_not_missing() -> None:
    behind = [(answer(8, 9, EVERY * n, applied=5), sender(7, 9)) for n in range(8)]
    unsent = [(answer(9, 9, EVERY * n, applied=5), sender(7, 9, rows=1)) for n in range(8)]
    fresh = [(answer(9, 9, EVERY * n, applied=5), sender(5 + n // 7 * 2, 9)) for n in range(8)]
    for told in (behind, unsent, fresh):
        assert missing(history(*told)) == {GROUP: 0}

"""A key may spend what has filled up since it last came, and learns when to come again."""

import pytest

from service_kit.limits import TokenBucket


def test_a_burst_passes_and_what_is_above_it_waits() -> None:
    bucket = TokenBucket(rate=10, burst=30)
    assert all(bucket.take("k", 1, now=0.0).allowed for _ in range(30))
    refused = bucket.take("k", 1, now=0.0)
    assert not refused.allowed
    assert refused.retry_after == pytest.approx(0.1)
    assert bucket.take("k", 1, now=0.1001).allowed


def test_a_refusal_costs_nothing() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    bucket.take("k", 1, now=0.0)
    for _ in range(100):
        bucket.take("k", 1, now=0.5)
    assert bucket.take("k", 1, now=1.0).allowed


def test_keys_do_not_pay_for_each_other() -> None:
    bucket = TokenBucket(rate=1, burst=1)
    assert bucket.take("a", 1, now=0.0).allowed
    assert bucket.take("b", 1, now=0.0).allowed


def test_more_than_the_burst_at_once_passes_and_is_paid_back() -> None:
    bucket = TokenBucket(rate=10, burst=10)
    assert bucket.take("k", 25, now=0.0).allowed
    assert not bucket.take("k", 1, now=1.5).allowed
    assert bucket.take("k", 1, now=1.7).allowed


def test_answers_tell_the_policy_and_refusals_when_to_come_again() -> None:
    bucket = TokenBucket(rate=10, burst=30)
    told = bucket.take("k", 1, now=0.0).headers
    assert told == {"RateLimit": '"default";r=29;t=3', "RateLimit-Policy": '"default";q=30;w=3'}
    bucket.take("k", 29, now=0.0)
    assert bucket.take("k", 1, now=0.0).headers["Retry-After"] == "1"


def test_memory_is_bounded_by_forgetting_who_came_longest_ago() -> None:
    bucket = TokenBucket(rate=1, burst=1, keys=100)
    for n in range(1_000):
        bucket.take(str(n), 1, now=float(n))
    assert len(bucket._levels) <= 100

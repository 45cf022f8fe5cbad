"""The defaults of the clients lose data; these are the settings that do not."""

import ast
import re
from pathlib import Path

import service_kit
from service_kit import subscribing
from service_kit.migrate import _ROLE_SETTINGS
from service_kit.settings import KitSettings

KIT = Path(service_kit.__file__).parent
SOURCES = {path.name: path.read_text("utf-8") for path in KIT.rglob("*.py")}


def calls(name: str) -> list[dict[str, str]]:
    """Keyword arguments of each call of something of this name, as written."""
    found = []
    for text in SOURCES.values():
        for node in ast.walk(ast.parse(text)):
            called = node.func if isinstance(node, ast.Call) else None
            if isinstance(node, ast.Call) and called is not None:
                last = ast.unparse(called).rpartition(".")[2]
                if last == name:
                    found.append({k.arg: ast.unparse(k.value) for k in node.keywords if k.arg})
    return found


def test_every_subscriber_sets_back_on_failure_and_answers_to_nobody() -> None:
    subscribers = [settings for settings in calls("subscriber") if settings]
    assert subscribers
    for settings in subscribers:
        assert settings["ack_policy"] == "AckPolicy.NACK_ON_ERROR"
        assert settings["auto_offset_reset"] == "'none'"
        assert settings["isolation_level"] == "'read_committed'"
        assert settings["no_reply"] == "True"
        assert settings["batch"] == "True"
        assert {"max_records", "parser", "decoder", "listener"} <= settings.keys()
        assert "max_workers" not in settings


def test_every_bare_consumer_commits_only_when_told() -> None:
    consumers = calls("AIOKafkaConsumer")
    assert consumers
    assert all(settings["enable_auto_commit"] == "False" for settings in consumers)


def test_the_producer_waits_for_all_and_is_never_poisoned() -> None:
    (settings,) = calls("AIOKafkaProducer")
    assert settings["acks"] == "'all'"
    assert settings["enable_idempotence"] == "False"


def test_there_are_no_kafka_transactions_and_no_notify() -> None:
    """Every publish with a transactional id raises; NOTIFY serialises commits."""
    texts = "\n".join([*SOURCES.values(), *(p.read_text("utf-8") for p in KIT.rglob("*.sql"))])
    assert not re.search(r"transactional_id|\bpublish_batch\b|@\w*\.?publisher", texts)
    assert not re.search(r"\bNOTIFY\b|\bLISTEN\b|pg_notify", texts)


def test_a_join_ends_before_its_request_and_a_session_after_both() -> None:
    assert subscribing.REBALANCE_TIMEOUT_MS + 5_000 <= subscribing.REQUEST_TIMEOUT_MS
    session = KitSettings.model_fields["session_timeout_ms"].default
    assert session > subscribing.REQUEST_TIMEOUT_MS
    statement = int(_ROLE_SETTINGS["statement_timeout"].removesuffix("s"))
    assert statement < subscribing.GRACEFUL_SECONDS

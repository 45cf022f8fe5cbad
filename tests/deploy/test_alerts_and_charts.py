"""Alert rules and charts name series that there are, and each rule fires when it should.

A parser of ours looks always; promtool where it is installed, as on the machines that build this.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from service_kit import metrics
from tests.conventions.places import ROOT

RULES = ROOT / "deploy" / "prometheus" / "alerts.yaml"
RULE_TESTS = RULES.with_name("alerts_test.yaml")
BOARD = ROOT / "deploy" / "grafana" / "topic-lag.json"
RUNBOOK = ROOT / "docs" / "operations.md"

SERIES = re.compile(r"\b(kith_\w+|up)\b(?:\{([^}]*)\})?")
GROUPED = re.compile(r"\bby\s*\(([^)]*)\)")
SCRAPED = {"instance", "job"}
LABELS = {label for labels in metrics.exposed().values() for label in labels} | SCRAPED


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return list(group["rules"])


def board() -> dict[str, Any]:
    return dict(json.loads(BOARD.read_text("utf-8")))


def panels() -> list[dict[str, Any]]:
    return list(board()["panels"])


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    for panel in panels():
        yield from (target["expr"] for target in panel.get("targets", ()))
    for variable in board()["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["query"]["query"].removeprefix("label_values(").rstrip(")").split(",")[0]


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_a_query_names_series_and_labels_that_the_services_show(expression: str) -> None:
    shown = {**metrics.exposed(), "up": ("job", "instance")}
    found = SERIES.findall(expression)
    assert found
    for name, selector in found:
        assert name in shown, name
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector):
            assert label in {*shown[name], *SCRAPED}, f"{name} has no label {label}"
    for labels in GROUPED.findall(expression):
        for label in labels.split(","):
            assert label.strip() in LABELS
    for opening, closing in ("()", "[]", "{}"):
        assert expression.count(opening) == expression.count(closing)


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_a_rule_says_whom_it_wakes_and_where_the_page_says_what_to_do(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Kith[A-Za-z]+", rule["alert"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s"))
    file, _, section = rule["annotations"]["runbook"].partition("#")
    assert ROOT / file == RUNBOOK
    assert section in headings()
    for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
        assert label in LABELS


def test_each_rule_is_named_on_the_page_and_has_a_test() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(set(names))
    page, tested = RUNBOOK.read_text("utf-8"), RULE_TESTS.read_text("utf-8")
    assert [name for name in names if f"`{name}`" not in page] == []
    assert [name for name in names if f"alertname: {name}" not in tested] == []


def test_what_must_wake_somebody_has_a_rule() -> None:
    """Time lag, gap, dead letters, the sum, the outbox, the probe, a service that is down."""
    by_name = {rule["alert"]: rule for rule in rules()}
    lag = by_name["KithTimeLag"]
    assert (lag["expr"].endswith("> 60"), lag["for"]) == (True, "5m")
    named = " ".join(rule["expr"] for rule in rules())
    for series in (
        "kith_messages_gaps_total", "kith_dead_letters_open", "kith_messages_unaccounted",
        "kith_sequences_missing", "kith_outbox_oldest_seconds", "kith_probe_lost_total",
        "kith_service_answers", "up{",
    ):  # fmt: skip
        assert series in named


def headings() -> set[str]:
    lines = re.findall(r"^#+ (.+)$", RUNBOOK.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", line.lower()).replace(" ", "-") for line in lines}


def test_the_board_loads_anywhere_and_is_changed_in_one_place_only() -> None:
    """Classic JSON: no id of another server, no source of somebody's, not editable."""
    told = board()
    assert (told["id"], told["uid"], told["editable"]) == (None, "kith-topic-lag", False)
    assert "__inputs" not in told
    assert told["refresh"] == "30s"
    kinds = [variable["type"] for variable in told["templating"]["list"]]
    assert kinds[0] == "datasource"
    rows = [panel["title"] for panel in told["panels"] if panel["type"] == "row"]
    assert rows == ["Symptoms", "Lag", "Rates", "Resources"]


def test_each_panel_has_an_id_a_unit_a_place_of_its_own_and_says_what_to_do() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken
        taken |= cells
        if panel["type"] != "row":
            assert panel["fieldConfig"]["defaults"]["unit"]
            assert panel["datasource"]["uid"] == "${datasource}"
            section = panel["description"].rpartition("Runbook: docs/operations.md#")[2]
            assert section in headings()


def test_promtool_says_the_same_and_each_rule_fires_when_it_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        # What it would test is then only read: every rule has a case with an alert in it.
        cases = yaml.safe_load(RULE_TESTS.read_text("utf-8"))["tests"]
        fired = {c["alertname"] for t in cases for c in t["alert_rule_test"] if c["exp_alerts"]}
        assert fired == {rule["alert"] for rule in rules()}
        return
    for arguments in (("check", "rules", RULES.name), ("test", "rules", RULE_TESTS.name)):
        done = subprocess.run(
            [promtool, *arguments], cwd=RULES.parent, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

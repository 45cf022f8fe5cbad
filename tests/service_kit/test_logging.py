"""A canary goes through every way into the log; none of it comes out."""

import json
import subprocess
import sys

CANARY = "ada.canary@example.com"
SCRIPT = f"""
import logging, structlog
from service_kit import logging as kit
kit.configure("DEBUG", "probe")
log = structlog.get_logger()
log.info("message.applied", n=3, slug="fine", body={{"email": "{CANARY}"}}, record=["{CANARY}"])
log.info("message.rejected", long="{CANARY}" * 20)
def fail(secret):
    raise ValueError("{CANARY}")
try:
    try:
        fail("{CANARY}")
    except ValueError as cause:
        raise KeyError("{CANARY}") from cause
except KeyError as error:
    log.error("service.stopped", exc_info=error)
    logging.getLogger("library").error("failed for %s", "{CANARY}", exc_info=True)
    logging.getLogger("library").error("a task died: {CANARY}", exc_info=True)
logging.getLogger("aiokafka").info("quiet")
"""


def test_a_log_line_holds_ids_numbers_and_places_but_nothing_of_a_person() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        env={"PYTHONPATH": ":".join(p for p in sys.path if p)},
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    assert CANARY.encode() not in done.stderr

    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines] == [
        "message.applied",
        "message.rejected",
        "service.stopped",
        "library.reported",
        "library.reported",
    ]
    assert (lines[0]["n"], lines[0]["slug"], lines[0]["service"]) == (3, "fine", "probe")
    assert lines[0]["body"] == "<dict>"
    assert lines[2]["trace"][0] == "KeyError"
    assert "ValueError" in lines[2]["trace"]
    assert lines[3]["message"] == "failed for %s"

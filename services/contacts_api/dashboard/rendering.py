"""Pages from templates: one template serves the page and, block by block, what htmx swaps in."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2_fragments import render_block

from contacts_api.dashboard import words

TEMPLATES = Path(__file__).with_name("templates")

# Nothing is evaluated, nothing is kept in the browser (a history snapshot would hold personal
# data), and a refused form is swapped in like any other answer.
HTMX_CONFIG = {
    "includeIndicatorStyles": False,
    "allowEval": False,
    "allowScriptTags": False,
    "historyCacheSize": 0,
    "selfRequestsOnly": True,
    "responseHandling": [
        {"code": "204", "swap": False},
        {"code": "[23]..", "swap": True},
        {"code": "4(09|12|22)", "swap": True, "error": False},
        {"code": "[45]..", "swap": False, "error": True},
    ],
}
VOCABULARY = (
    "CHANNELS", "CHANNEL_ICONS", "KINDS", "AUDIENCES", "AUDIENCE_SOURCES", "PROOFS", "PROOF_HINTS",
    "CRM_STATES", "CRM_KINDS", "EVENTS", "word", "said", "display_name", "second_line", "monogram",
    "tint", "day", "clock", "minute", "ago", "attribute", "web_address", "number",
)  # fmt: skip


class Pages:
    """All templates, compiled once. `render` takes what a page shows; what every page needs is
    in `shared`.
    """

    def __init__(self, assets: Mapping[str, str]) -> None:
        self._env = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.globals.update({name: getattr(words, name) for name in VOCABULARY})
        self._env.globals["asset"] = lambda name: assets[name]
        self._env.globals["htmx_config"] = json.dumps(HTMX_CONFIG)
        self._env.filters["channel_word"] = lambda name: words.said(words.CHANNELS, name)

    def render(self, template: str, now: datetime, block: str | None = None, **shown: Any) -> str:
        if block:
            return str(render_block(self._env, template, block, now=now, **shown))
        return self._env.get_template(template).render(now=now, **shown)

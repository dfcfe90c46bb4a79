"""Every event a gateway can report has words in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import storno.gateway
from storno.cli.gateway_log import EVENTS

TOLD = re.compile(
    r"(?:\.log|link_log|_log|Log)\(\s*(?:ev\.Log\(\s*)?\"(?:info|warning|error|critical)\",\s*\"([a-z_]+)\""
)


def test_every_event_in_the_code_has_words_and_no_words_lack_an_event():
    told: set[str] = set()
    for file in Path(storno.gateway.__path__[0]).glob("*.py"):
        told |= set(TOLD.findall(file.read_text(encoding="utf-8")))
    assert len(told) > 20
    assert told == set(EVENTS)
    assert all(english and re.search("[\u4e00-\u9fff]", chinese) for english, chinese in EVENTS.values())

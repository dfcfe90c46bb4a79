"""What a running gateway says: one line for each thing worth telling, in words or as JSON (by structlog).

Every event a node or its sockets can report has words here in both languages; a test holds the two together. Card
numbers are masked once more on the way out, whoever wrote them into a fact.
"""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from storno.cli.text import language
from storno.iso8583.mask import scrub

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from storno.gateway import events as ev

EVENTS: dict[str, tuple[str, str]] = {
    "link_up": ("host link is up", "主机链路已连接"),
    "link_down": ("host link is lost", "主机链路已断开"),
    "link_silent": ("host does not answer the echo; connecting anew", "主机对回响测试无应答，重新连接"),
    "link_refused": ("host refused our sign-on or echo", "主机拒绝签到或回响"),
    "connect_failed": ("cannot connect to the host; will try again", "无法连接主机，将重试"),
    "connection_refused": ("a terminal's connection was refused: no room", "终端连接数已满，拒绝连接"),
    "bad_framing": ("a terminal's bytes are no frames; closed", "终端报文分帧错误，已断开"),
    "host_bad_framing": ("the host's bytes are no frames; connecting anew", "主机报文分帧错误，重新连接"),
    "half_frame": ("a terminal stopped in the middle of a frame; closed", "终端报文只发了一半，已断开"),
    "unreadable": ("a terminal's message cannot be read; closed", "终端报文无法解析，已断开"),
    "host_unreadable": ("a host's message cannot be read", "主机报文无法解析"),
    "unknown_terminal": ("a terminal without keys here was refused (97)", "未登记的终端，已拒绝 (97)"),
    "terminal_bad_mac": ("a terminal's MAC is wrong: refused (A0)", "终端报文 MAC 错，已拒绝 (A0)"),
    "bad_answer": ("the host's answer cannot be trusted: reversing", "主机应答不可信：发起冲正"),
    "reversal_answer_bad_mac": (
        "the MAC of a reversal's answer is wrong: trying again",
        "冲正应答 MAC 错：将重发",
    ),
    "bad_request": ("a request lacks what it needs: refused (30)", "请求缺少必要的域，已拒绝 (30)"),
    "bad_reversal": (
        "a terminal's reversal lacks what it needs: refused (30)",
        "终端冲正缺少必要的域，已拒绝 (30)",
    ),
    "number_reused": (
        "a STAN was used again for another request: refused (94)",
        "流水号被另一笔交易重复使用，已拒绝 (94)",
    ),
    "reversal_amount_differs": (
        "a terminal's reversal has another amount: refused (64)",
        "终端冲正金额与原交易不符，已拒绝 (64)",
    ),
    "stray_answer": ("an answer that belongs to nothing we know", "收到不属于任何交易的应答"),
    "answer_from_terminal": ("a terminal sent an answer; closed", "终端发来应答报文，已断开"),
    "unexpected_from_host": ("the host asked something we do not do", "主机发来不支持的请求"),
    "host_reversal_unknown": ("the host reversed something we do not know", "主机冲正了一笔未知交易"),
    "host_reversal_refused": ("the host's reversal does not fit the transaction", "主机冲正与该交易状态不符"),
    "key_trouble": ("working keys do not prove themselves; not installed", "工作密钥校验不符，未安装"),
    "keys_not_kept": ("working keys could not be stored", "工作密钥无法保存"),
    "case": ("an exception needs a person", "产生差错，需人工处理"),
    "original_not_marked": ("a void's original cannot be marked as undone", "无法标记被撤销的原交易"),
    "original_undone_by_another": (
        "the original was undone by another transaction",
        "原交易已被另一笔交易撤销",
    ),
    "card_lost": ("the card copy is gone: the reversal goes without F2", "卡号副本已销毁：冲正不带卡号域"),
    "card_not_kept": ("the card copy could not be kept for a reversal", "无法为冲正保存卡号副本"),
    "host_reversal_bad_mac": (
        "the MAC of the host's own reversal is wrong: refused",
        "主机冲正报文 MAC 错，已拒绝",
    ),
    "host_reversal_amount_differs": (
        "the host's reversal has another amount: refused",
        "主机冲正金额与原交易不符，已拒绝",
    ),
    "order_refused": ("an order does not fit the transaction", "该操作与交易状态不符"),
    "clock_jump": (
        "the machine's clock was set; our time goes on steadily",
        "系统时钟被调整；网关时间保持连续",
    ),
}


LINES_PER_SECOND_MAX = 20
ALWAYS = frozenset({"case"})
"""Events that are never left out: each stands for money that waits for a person."""


class LogLines:
    """Write what the node tells, a line each: words for people, or JSON.

    A flood of one event (a broken terminal, an attacker) is cut to so many lines a second; what is left out is counted
    and said in one line.
    """

    def __init__(
        self, *, as_json: bool, utc_offset_min: int = 480, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._json = _json_lines() if as_json else None
        self._zone = timezone(timedelta(minutes=utc_offset_min))
        self._clock = clock
        self._second = 0
        self._seen: dict[str, int] = {}

    def __call__(self, told: ev.Log) -> None:
        """Write one."""
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self.say_left_out()
        seen = self._seen[told.event] = self._seen.get(told.event, 0) + 1
        if seen <= LINES_PER_SECOND_MAX or told.event in ALWAYS:
            self._write(told.level, told.event, dict(told.facts))

    def say_left_out(self) -> None:
        """Say how many lines of each event the last second left out."""
        seen, self._seen = self._seen, {}
        for event, count in seen.items():
            if count > LINES_PER_SECOND_MAX and event not in ALWAYS:
                self._write("warning", event, {"left_out": str(count - LINES_PER_SECOND_MAX)})

    def say(self, level: str, event: str, english: str, chinese: str, **facts: str) -> None:
        """Write what the command itself has to say: the sentence alone, or an object that holds it as `text`."""
        words = chinese if language() == "zh" else english
        if self._json is None:
            _put(words)
        else:
            self._json.log(level, event, {"text": words, **facts})

    def notice(self, english: str, chinese: str) -> None:
        """Write a sentence that has no event of its own."""
        self.say("warning", "notice", english, chinese)

    def _write(self, level: str, event: str, facts: dict[str, str]) -> None:
        if self._json is not None:
            self._json.log(level, event, facts)
            return
        stamp = datetime.now(self._zone).isoformat(timespec="milliseconds")
        english, chinese = EVENTS.get(event, (event, event))
        words = chinese if language() == "zh" else english
        named = " ".join(f"{name}={_plain(scrub(value))}" for name, value in facts.items())
        _put(f"{stamp} {level:<7} {words}  {named}".rstrip())


def _put(line: str) -> None:
    # a full log disk or a closed pipe must not stop money; the journal has it all
    with suppress(OSError):
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


# -------------------------------------------------------------------- as JSON
_OURS = ("at", "level", "event")
"""Names every object begins with; a fact of the same name stands behind them as `fact_…`."""


class _JsonLines:
    """One object a line: time (UTC with offset), level, event, then the facts."""

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def log(self, level: str, event: str, facts: dict[str, str]) -> None:
        self._logger.msg(event, level=level, facts=facts)


def _json_lines() -> _JsonLines:
    """Make the writer; structlog is imported by those who ask for JSON only."""
    import structlog

    class Out:
        """What structlog writes to."""

        def msg(self, line: str) -> None:
            _put(line)

    steps: list[Any] = [_laid_out, _masked, structlog.processors.JSONRenderer(ensure_ascii=False)]
    return _JsonLines(structlog.wrap_logger(Out(), processors=steps, wrapper_class=structlog.BoundLogger))


def _laid_out(_logger: Any, _method: str, told: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds")
    begins = {"at": stamp, "level": told["level"], "event": told["event"]}
    facts = {f"fact_{name}" if name in _OURS else name: value for name, value in told["facts"].items()}
    return begins | facts


def _masked(_logger: Any, _method: str, told: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: scrub(value) if isinstance(value, str) else value for name, value in told.items()}


def _plain(text: str) -> str:
    """Show what a peer sent without letting it move the cursor or begin a line of its own."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)

"""The four digits that say what a message is.

Version, class, function, origin. Rule: a repeat keeps its origin (an acquirer's 0 becomes 1, an issuer's 2 becomes 3),
and a repeat is answered like the first. Pure text functions.
"""

from __future__ import annotations

from functools import lru_cache

CLASSES: dict[str, tuple[str, str]] = {
    "1": ("授权", "authorization"),
    "2": ("金融", "financial"),
    "3": ("文件/批上送", "file action"),
    "4": ("冲正", "reversal"),
    "5": ("对账/结算", "reconciliation"),
    "6": ("管理", "administrative"),
    "7": ("收费", "fee collection"),
    "8": ("网络管理", "network management"),
    "9": ("保留", "reserved"),
}
FUNCTIONS: dict[str, tuple[str, str]] = {
    "0": ("请求", "request"),
    "1": ("应答", "response"),
    "2": ("通知", "advice"),
    "3": ("通知应答", "advice response"),
    "4": ("告知", "notification"),
    "5": ("告知确认", "notification acknowledgement"),
}
DIGITS = 4


def well_formed(mti: object) -> bool:
    """Tell whether `mti` is four ASCII digits."""
    return isinstance(mti, str) and len(mti) == DIGITS and mti.isascii() and mti.isdigit()


def plausible(mti: str) -> bool:
    """Tell whether version, class, function and origin are all known ones."""
    return (
        well_formed(mti)
        and mti[0] in "0129"
        and mti[1] in CLASSES
        and mti[2] in FUNCTIONS
        and mti[3] in "012345"
    )


def klass(mti: str) -> str:
    """Give the class digit: "2" financial, "4" reversal, "8" network management."""
    return mti[1]


def function(mti: str) -> str:
    """Give the function digit: "0" request, "1" response, "2" advice, "3" advice response."""
    return mti[2]


def is_request(mti: str) -> bool:
    """Tell whether an answer is due (requests, advices, their repeats)."""
    return mti[2] in "02"


def is_response(mti: str) -> bool:
    """Tell whether the message answers another one."""
    return mti[2] in "13"


def is_reversal(mti: str) -> bool:
    """Tell whether the message undoes, or answers the undoing of, another."""
    return mti[1] == "4"


def is_repeat(mti: str) -> bool:
    """Tell whether the message says of itself that it was sent before."""
    return mti[3] in "135"


def first(mti: str) -> str:
    """Give the type the first sending had: 0401 -> 0400, 0423 -> 0422."""
    return mti[:3] + str(int(mti[3]) - 1) if is_repeat(mti) else mti


def repeat(mti: str) -> str:
    """Mark as sent before, keeping the origin: 0400 -> 0401, 0422 -> 0423; a repeat stays as it is."""
    return mti if is_repeat(mti) else mti[:3] + str(int(mti[3]) + 1)


@lru_cache(maxsize=256)
def response(mti: str) -> str:
    """Give the answer's type: 0200 -> 0210, 0401 -> 0410, 0421 -> 0430.

    ValueError when `mti` is not a type that is answered.
    """
    if not well_formed(mti) or not is_request(mti):
        raise ValueError(f"no answer exists for message type {mti!r}")
    return mti[:2] + str(int(mti[2]) + 1) + first(mti)[3]


def title(mti: str, lang: str = "en") -> str:
    """Describe the type in words."""
    if not plausible(mti):
        return "未知类型" if lang == "zh" else "unknown type"
    pick = 0 if lang == "zh" else 1
    kind = CLASSES[mti[1]][pick]
    what = FUNCTIONS[mti[2]][pick]
    again = ("（重发）" if lang == "zh" else " (repeat)") if is_repeat(mti) else ""
    return f"{kind}{what}{again}" if lang == "zh" else f"{kind} {what}{again}"

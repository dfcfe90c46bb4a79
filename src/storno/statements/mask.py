"""Card numbers in statements made safe: first six and last four at most, wherever they stand.

`mask_text` is for what people read (narratives, rejected lines) and rather masks too much; `mask_id` is for references
that are compared, and masks only what has the length, the issuer digits and the check digit of a card. Pure text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import accumulate

from storno.iso8583.mask import mask_pan, scrub

CARD_DIGITS = 13
"""Nothing shorter can be a card number."""
CARD_DIGITS_MAX = 19
_DIGITS = re.compile(r"[0-9]+")
_GROUPS = re.compile(r"(?<![0-9])[0-9]++(?:[ \-\u00a0\u3000][0-9]++)+")
_THIRTEEN = re.compile(r"(?:[0-9][ \-\u00a0\u3000]?){12}[0-9]")
_LONG = re.compile(r"[0-9]{20,}")
_SHORT = re.compile(r"(?:[^0-9]++|[0-9]{1,12}+(?![0-9]))*+")
"""No run of digits is long enough."""
_RUN = re.compile(r"(?<![0-9])[0-9]{13,19}(?![0-9])")
_WIDE = str.maketrans("０１２３４５６７８９", "0123456789")
_WIDE_DIGIT = re.compile("[０-９]")
# Length and first digits of what is issued: UnionPay 62 and 81, Visa, Mastercard, Amex, JCB, Diners, Discover, Maestro.
_CARD = re.compile(
    r"62\d{14,17}|81\d{14,17}|4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|35\d{14}"
    r"|3[068]\d{12}|6(?:011|5\d\d)\d{12}|(?:50|5[6-9]|6\d)\d{14,17}"
)


def passes_check(digits: str) -> bool:
    """Say whether the last digit is the card check digit of the others (Luhn)."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(0 if d == "9" else (2 * int(d)) % 9 for d in digits[-2::-2])
    nines = 9 * digits[-2::-2].count("9")
    return (odd + even + nines) % 10 == 0


def is_card(digits: str) -> bool:
    """Say whether a bare run of digits has the length, issuer digits and check digit of a card number."""
    return _CARD.fullmatch(digits) is not None and passes_check(digits)


def card(text: str) -> str:
    """Mask what stands in a card number column, whether its check digit is right or not."""
    bare = text.translate(_WIDE).strip()
    digits = re.sub(r"[ \-]", "", bare)
    if digits.isascii() and digits.isdigit():
        return mask_pan(digits)
    return mask_text(bare)


def mask_text(text: str) -> str:
    """Mask every card number in free text: plain, in groups, in full-width digits, or inside a longer run."""
    if _WIDE_DIGIT.search(text):
        text = text.translate(_WIDE)
    if not _THIRTEEN.search(text):
        return text
    text = _GROUPS.sub(_grouped, scrub(text))
    return _LONG.sub(_inside, text)


def _grouped(found: re.Match[str]) -> str:
    """Mask numbers written in groups (`6222 0212 …`); blanks stay, so columns stay where they were."""
    groups = _DIGITS.findall(found[0])
    digits, ends = "".join(groups), list(accumulate(map(len, groups)))
    starts = [0, *ends[:-1]]
    cards = [
        (start, end)
        for start in starts
        if (end := next((end for end in reversed(ends) if _card_at(digits, start, end)), 0))
    ]
    if not cards:
        return found[0]
    signs = list(found[0])
    places = [place for place, sign in enumerate(signs) if sign.isdigit()]
    for start, end in cards:
        for place in places[start + 6 : end - 4]:
            signs[place] = "*"
    return "".join(signs)


def _card_at(digits: str, start: int, end: int) -> bool:
    """Say whether a part of a run of digits is a card number."""
    return CARD_DIGITS <= end - start <= CARD_DIGITS_MAX and is_card(digits[start:end])


def _inside(found: re.Match[str]) -> str:
    """Mask cards inside a run too long to be one: a shifted column glues a card to its neighbours.

    UnionPay cards anywhere in it, others at its edges only: long order numbers should stay readable.
    """
    run, place, out = found[0], 0, []
    while place < len(run):
        edge = (place == 0, len(run) - place)
        size = next((n for n in (19, 18, 17, 16) if _glued(run[place : place + n], n, *edge)), 1)
        piece = run[place : place + size]
        out.append(mask_pan(piece) if size > 1 else piece)
        place += size
    return "".join(out)


def _glued(piece: str, size: int, at_start: bool, left: int) -> bool:  # noqa: FBT001 - one caller
    edge = at_start or left == size
    return is_card(piece) and (piece.startswith("62") or (edge and size in (16, 19)))


def mask_id(text: str) -> str:
    """Mask a reference only where it is a card number; others stay as they are, to be compared."""
    return _RUN.sub(lambda run: mask_pan(run[0]) if is_card(run[0]) else run[0], text)


def mask_texts(texts: Sequence[str]) -> Sequence[str]:
    """Mask many texts as `mask_text` does each of them."""
    return _masked_all(texts, mask_text)


def mask_ids(texts: Sequence[str]) -> Sequence[str]:
    """Mask many references as `mask_id` does each of them."""
    return texts if _SHORT.fullmatch("\n".join(texts)) else _masked_all(texts, mask_id)


def _masked_all(texts: Sequence[str], mask: Callable[[str], str]) -> Sequence[str]:
    """Mask all different texts in one pass, one a line: no card number reaches over a line's end."""
    different = list(dict.fromkeys(texts))
    joined = "\n".join(different)
    if joined.count("\n") != len(different) - 1 or _WIDE_DIGIT.search(joined):
        masked = list(map(mask, different))
    elif (found := mask(joined)) == joined:
        return texts
    else:
        masked = found.split("\n")
    if len(different) == len(texts):
        return masked
    by_text = dict(zip(different, masked, strict=True))
    return [by_text[text] for text in texts]

"""Card numbers in statements made safe: first six and last four at most, wherever they stand.

`mask_text` is for what people read (narratives, rejected lines) and rather masks too much; `mask_id` is for references
that are compared, and masks only what has the length, the issuer digits and the check digit of a card. Pure text.
"""

from __future__ import annotations

import re

from storno.iso8583.mask import mask_pan, scrub

_GROUPS = re.compile(r"(?<![0-9])[0-9]++(?:[ \-\u00a0\u3000][0-9]++)+")
_THIRTEEN = re.compile(r"(?:[0-9][ \-\u00a0\u3000]?){12}[0-9]")
_LONG = re.compile(r"[0-9]{20,}")
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
    signs = list(found[0])
    places = [place for place, sign in enumerate(signs) if sign.isdigit()]
    digits = "".join(signs[place] for place in places)
    borders = [n for n in range(1, len(places)) if places[n] != places[n - 1] + 1]
    starts, ends = [0, *borders], {*borders, len(places)}
    for start in starts:
        for end in range(min(start + 19, len(places)), start + 12, -1):
            if end in ends and is_card(digits[start:end]):
                for place in places[start + 6 : end - 4]:
                    signs[place] = "*"
                break
    return "".join(signs)


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

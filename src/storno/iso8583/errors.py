"""What can be wrong with bytes or with a message to be sent, named.

Rule: an error says what, in which field and at which byte, in Chinese and English, and never repeats field content,
because content may be card data. Imports nothing of Storno.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """Name every way a frame or a field can be wrong."""

    TRUNCATED = "truncated"
    TRAILING = "trailing"
    LENGTH_DIGITS = "length_digits"
    LENGTH_MAX = "length_max"
    LENGTH_FIXED = "length_fixed"
    DIGITS = "digits"
    CHARSET = "charset"
    HEX = "hex"
    TYPE = "type"
    MTI = "mti"
    BITMAP = "bitmap"
    NO_FIELD = "no_field"
    TPDU = "tpdu"
    HEADER = "header"
    HEADER_LENGTH = "header_length"
    MAC_ABSENT = "mac_absent"
    MAC_LENGTH = "mac_length"
    FRAME_EMPTY = "frame_empty"
    FRAME_MAX = "frame_max"
    BUFFER_MAX = "buffer_max"
    LENGTH_PREFIX = "length_prefix"
    LENGTH_PREFIX_HEX = "length_prefix_hex_characters"
    SUBFIELD = "subfield"


TEXT: dict[Code, tuple[str, str]] = {
    Code.TRUNCATED: ("报文在此处提前结束", "the message ends inside this element"),
    Code.TRAILING: ("最后一个域之后还有多余字节", "bytes are left over after the last field"),
    Code.LENGTH_DIGITS: ("长度前缀不是十进制数字", "the length prefix is not decimal digits"),
    Code.LENGTH_MAX: ("长度超过该域上限", "longer than the field allows"),
    Code.LENGTH_FIXED: ("长度不符合定长要求", "not the fixed length of the field"),
    Code.DIGITS: ("含有非数字字符", "holds something other than the digits allowed"),
    Code.CHARSET: ("含有该域不允许的字符", "holds characters the field cannot carry"),
    Code.HEX: ("不是十六进制字符", "not hexadecimal text"),
    Code.TYPE: ("域值必须是文本", "the field's value must be text"),
    Code.MTI: ("报文类型不是四位数字", "the message type is not four digits"),
    Code.BITMAP: ("位图不正确", "the bitmap is not valid"),
    Code.NO_FIELD: ("该方言没有定义此域", "the dialect does not define this field"),
    Code.TPDU: ("TPDU 长度或内容不正确", "the TPDU has a wrong length or content"),
    Code.HEADER: ("报文头长度或内容不正确", "the header has a wrong length or content"),
    Code.HEADER_LENGTH: ("报文头长度与方言不同", "the header is not as long as the dialect says"),
    Code.MAC_ABSENT: ("报文没有 MAC 域", "the message carries no MAC field"),
    Code.MAC_LENGTH: ("MAC 必须是 8 字节", "a MAC is 8 bytes"),
    Code.FRAME_EMPTY: ("报文长度为零", "the length prefix says zero"),
    Code.FRAME_MAX: ("报文超过最大长度", "the message is longer than the maximum"),
    Code.BUFFER_MAX: ("接收缓冲区已满", "more bytes are waiting than the buffer may hold"),
    Code.LENGTH_PREFIX: (
        "长度前缀与实际字节数不符",
        "the length prefix does not match the bytes that follow",
    ),
    Code.LENGTH_PREFIX_HEX: (
        "长度前缀是十六进制字符数而不是字节数",
        "the length prefix counts hex characters, not bytes",
    ),
    Code.SUBFIELD: ("子域结构不正确", "the sub-field does not follow its layout"),
}


def place(field: int | None, lang: str = "en") -> str:
    """Name a field for people; None is the frame, 0 the MTI, 1 the bitmap."""
    if field is None:
        return "报文" if lang == "zh" else "frame"
    if field == 0:
        return "报文类型" if lang == "zh" else "MTI"
    if field == 1:
        return "位图" if lang == "zh" else "bitmap"
    return f"F{field}"


def sentence(code: Code, field: int | None, need: int | None, have: int | None, lang: str = "en") -> str:
    """Say one problem in words, with numbers but without content."""
    zh = lang == "zh"
    text = f"{place(field, lang)}: {TEXT[code][0 if zh else 1]}"
    numbers = []
    if need is not None:
        numbers.append(f"应为 {need}" if zh else f"expected {need}")
    if have is not None:
        numbers.append(f"实为 {have}" if zh else f"found {have}")
    if not numbers:
        return text
    return f"{text}（{'，'.join(numbers)}）" if zh else f"{text} ({', '.join(numbers)})"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a frame. `offset` counts bytes of the frame; need/have are lengths."""

    code: Code
    field: int | None
    offset: int
    need: int | None = None
    have: int | None = None

    @property
    def text(self) -> str:
        """Say it in English."""
        return self.say("en")

    def say(self, lang: str) -> str:
        """Say it in `zh` or `en`."""
        return sentence(self.code, self.field, self.need, self.have, lang)


class CodecError(Exception):
    """Base of all wire errors."""


class DecodeError(CodecError):
    """The peer's bytes break the dialect: which rule, which field, at which byte of the frame."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.text} at byte {problem.offset}")
        self.problem = problem
        self.code = problem.code
        self.field = problem.field
        self.offset = problem.offset
        self.text = problem.text


class EncodeError(CodecError):
    """We were asked to send what the dialect cannot carry."""

    def __init__(
        self, field: int | None, code: Code, need: int | None = None, have: int | None = None
    ) -> None:
        self.text = sentence(code, field, need, have)
        super().__init__(self.text)
        self.field = field
        self.code = code


class FrameError(CodecError):
    """The stream cannot be split any further; the connection must be closed."""

    def __init__(self, code: Code, need: int | None = None, have: int | None = None) -> None:
        self.text = sentence(code, None, need, have)
        super().__init__(self.text)
        self.code = code


class SubfieldError(CodecError):
    """A field's inner layout is broken; `where` names the layout, `offset` counts its own characters."""

    def __init__(self, where: str, offset: int = 0) -> None:
        super().__init__(f"{where}: {TEXT[Code.SUBFIELD][1]} at {offset}")
        self.code = Code.SUBFIELD
        self.where = where
        self.offset = offset

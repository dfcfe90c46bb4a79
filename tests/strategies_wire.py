"""Hypothesis strategies for the wire: any text a field can carry, any message of a dialect."""

from hypothesis import strategies as st

from storno.iso8583.message import Message
from storno.iso8583.spec import Form, Prefix

HAN = "中国银联成功消费冲正有限公司"
ALPHABETS = {
    Form.BCD: "0123456789",
    Form.TRACK: "0123456789ABCDEF",
    Form.DIGITS: "0123456789",
    Form.ASCII: "".join(map(chr, range(32, 127))),
    Form.GBK: "".join(map(chr, range(32, 127))) + HAN,
}


def _fit(text, size, exact):
    while len(text.encode("gbk")) > size:
        text = text[:-1]
    return text + " " * (size - len(text.encode("gbk"))) if exact else text


def texts(field):
    """Every text the field can carry, in the form decoding gives it."""
    fixed = field.prefix is Prefix.FIXED
    if field.form in (Form.BINARY, Form.HEX):
        lengths = st.just(field.size) if fixed else st.integers(0, min(field.size, 40)) | st.just(field.size)
        usual = lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n)).map(lambda b: b.hex().upper())
        if field.also is None:
            return usual
        # Bytes that are neither digits nor ASCII: no reading of the first length can fit by chance.
        return usual | st.text(st.sampled_from("ABCDEF"), min_size=field.also * 2, max_size=field.also * 2)
    alphabet = st.sampled_from(ALPHABETS[field.form])
    if field.form is Form.GBK:
        most = field.size if field.size < 100 else 40
        return st.text(alphabet, max_size=most).map(lambda text: _fit(text, field.size, fixed))
    if fixed:
        return st.text(alphabet, min_size=field.size, max_size=field.size)
    long = st.just(ALPHABETS[field.form][9] * field.size)
    return st.text(alphabet, max_size=min(field.size, 40)) | long


@st.composite
def messages(draw, dialect, fields_max=12):
    chosen = draw(
        st.lists(st.sampled_from(dialect.fields), unique_by=lambda f: f.number, max_size=fields_max)
    )
    fields = {f.number: draw(texts(f)) for f in sorted(chosen, key=lambda f: f.number)}
    framing = dialect.framing
    mti = draw(st.text(st.sampled_from("0123456789"), min_size=4, max_size=4))
    head = st.binary(min_size=framing.header_bytes, max_size=framing.header_bytes)
    if framing.header_mark is None:
        tpdu = draw(st.binary(min_size=framing.tpdu_bytes, max_size=framing.tpdu_bytes)).hex().upper()
        return Message(mti, fields, tpdu, draw(head).hex().upper())
    header = draw(st.just(b"") | head.map(lambda h: bytes((framing.header_mark,)) + h[1:]))
    return Message(mti, fields, header=header.hex().upper())

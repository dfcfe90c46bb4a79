"""The wire: ISO 8583 messages as bytes and as fields of text, for every dialect.

Pure: bytes in, values out; no socket, clock, randomness or logging. Start at `codec_for` and `dialects.dialect`.
"""

"""Doings of foreign terminals and hosts that more than one test needs: sign in, answer like this, flap."""

import itertools
import socket
import time
from contextlib import suppress

from foreign_rig import Box, Till

NUMBERS = itertools.count(1)


def signed_in(box: Box, mac: str = "cup_ecb") -> Till:
    till = box.till(f"F{next(NUMBERS):07d}", mac)
    assert till.sign_in() == "00"
    return till


def answering(code: str = "00", *, booked: bool = True, **how):
    def script(bank, sock, asked):
        if asked.mti != "0200":
            return False
        if booked:
            bank.book(asked)
        bank.say(sock, asked, code, **how)
        return True

    return script


def silent_then(code: str = "", **how):
    def script(bank, sock, asked):
        if asked.mti not in ("0200", "0400"):
            return False
        booked = bank.book(asked)
        if asked.mti == "0400":
            bank.say(sock, asked, code or booked, **how)
        return True

    return script


def flap(banks, seconds: float, every_s: float = 0.2) -> None:
    for number in range(int(seconds / every_s)):
        time.sleep(every_s)
        one = banks[number % len(banks)]
        for link in one.links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()
        one.links.clear()

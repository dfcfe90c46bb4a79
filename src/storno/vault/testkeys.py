"""The published test key: for trials, tests and the demonstration, never for money.

Everybody knows it; a gateway that listens beyond its own machine refuses to use it.
"""

from __future__ import annotations

TEST_TMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")

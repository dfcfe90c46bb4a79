"""The published test keys: for trials, tests and the demonstration, never for money.

Everybody knows them; a gateway that listens beyond its own machine refuses to use them.
"""

from __future__ import annotations

TEST_TMK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
"""The master key of every terminal that is given none."""
TEST_LINK_MAK = bytes.fromhex("89ABCDEF0123456776543210FEDCBA98")
"""The MAC key of a network link that is given none."""

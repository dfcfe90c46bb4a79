"""Realistic days with every side written down, and the truth kept apart.

Rule: everything is drawn from the seed with integer arithmetic, so the same plan gives the same bytes anywhere; what
was done to a transaction is decided once (its fate) and each side says its own part of it. Never judges.
"""

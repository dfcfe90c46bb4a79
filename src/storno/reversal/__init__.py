"""The heart: the life cycle of one transaction and of its reversal.

`lifecycle.py` is the table, `machine.py` applies it, `postings.py` moves the money, `schedule.py` says when to try
again. Pure: time and identifiers arrive as arguments; no message, socket or database is known here.
"""

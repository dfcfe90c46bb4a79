"""Joins the wire and the life cycle: messages become openings and inputs, effects become messages.

`classify.py` reads, `judge.py` weighs answers, `compose.py` writes. Pure: acquirers' differences come from the profile.
"""

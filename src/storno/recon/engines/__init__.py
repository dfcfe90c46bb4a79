"""The engines a plan can run on: one module each, loaded only when it is asked for.

Must not know what the steps are for.
"""

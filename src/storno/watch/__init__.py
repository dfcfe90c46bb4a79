"""Watch: rates, alerts, localisation.

Must not import a gateway or the command line.
"""

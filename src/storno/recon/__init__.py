"""Reconciliation: our books against terminals, networks and banks, set by set.

Must not import a gateway, cases or the command line.
"""

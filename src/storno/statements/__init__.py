"""Statements: what banks, networks and wallets report, read into one shape.

Must not import the journal, a gateway or a database: files in, lines out.
"""

"""Findings: one file each, found by being in this folder."""

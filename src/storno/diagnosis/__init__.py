"""Diagnosis: what happened to a transaction, said in words.

Pure: it knows the life cycle and no journal, clock or command.
"""

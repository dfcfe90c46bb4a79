"""The plan's steps, by what they do: sides, filter, match, pairs, deposits.

Each module gives functions that return `plan.Step`s. Must not import an engine.
"""

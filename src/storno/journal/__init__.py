"""The journal: the only truth.

Facts, double-entry postings and the queryable row of a transaction commit together; facts are chained by hash.
One file per engine; every engine passes the same contract tests.
"""

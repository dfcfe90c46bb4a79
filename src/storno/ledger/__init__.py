"""Double entry: accounts, postings and balances.

Each posting sums to zero and carries a key that is used once. Pure: it knows nothing of cards, hosts or journals.
"""

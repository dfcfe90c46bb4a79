"""The simulators: a host with real books, faults placed relative to the money, the edges that carry them.

Cores here are pure: time comes as an argument, chance as a `random.Random`; only the `*_server` and `shelf` modules
touch a socket or a disk. Nothing in the product imports this folder.
"""

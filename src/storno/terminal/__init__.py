"""The POS side: a terminal with its own durable reversal record.

The rules are pure conversations (`machine`); `client` performs them over TCP or TLS; `store` keeps what a power cut
must not take. Knows nothing of the gateway, the journal or the simulator.
"""

"""A whole day in virtual time: terminals, gateways, host, lines, disks and people, all drawn from one seed.

Rule: every decision is made by the production code (`Node.step`, `TerminalCore`, `HostCore`, the journal); what is
simulated is what surrounds it. Nothing here reads the wall clock or chance that did not come from the seed.
"""

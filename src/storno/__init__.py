"""Storno finds POS transactions that went wrong and undoes each exactly once in effect (冲正).

The package holds nothing but its version: importing `storno` must stay free of cost and of effects.
Read docs/index.md for the map of the folders and who may import whom.
"""

__version__ = "0.1.0"

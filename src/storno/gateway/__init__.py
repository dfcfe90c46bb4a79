"""The live shell: terminals on one side, hosts on the other, the journal between.

`node.py` decides synchronously; `serve.py` and its neighbours are the asyncio edges that carry out what it decides.
"""

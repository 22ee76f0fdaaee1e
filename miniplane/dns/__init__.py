"""The names of a cluster, answered from its live state.

`zone.py` knows which names there are and what they stand for, `view.py` reads the services and
their endpoints, `server.py` speaks DNS over UDP and TCP.
"""

"""Keys and certificates of a cluster: its authority, what that signs, and TLS made of it.

Keys are made when they are first needed and live in memory; the `cryptography` library is imported
then, so that a cluster that speaks plain HTTP and hands out no tokens never loads it. A cluster
with a seed makes the same keys each time.
"""

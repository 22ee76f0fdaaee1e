"""Figures: what requests, objects and controllers cost. `make bench` prints the table."""

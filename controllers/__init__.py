"""Behaviour: the controllers that make the objects of a cluster move.

A controller reads through informers, writes through a client, and sees neither the server nor the
store. Each has a folder: `plan.py` is a pure function of what was observed and of the time, and
`controller.py` fetches, asks the plan, and carries it out. What several of them know of pods,
owners and revisions stands beside the folders, pure as well; `table.py` lists what a cluster
starts.
"""

"""The command line: `miniplane serve`, `kubeconfig`, `node`, `log`, `version`.

Each command is a module of its own, imported when it is run.
"""

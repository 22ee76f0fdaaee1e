"""The static token file: bearer tokens of users who are in no other list.

CSV, as kube-apiserver's --token-auth-file takes it: token, user name, uid and, as one quoted
column, the groups. See
https://kubernetes.io/docs/reference/access-authn-authz/authentication/#static-token-file
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from miniplane.api import rbac
from miniplane.api.options import User


def load(path: str) -> Mapping[str, User]:
    """The users of a file, by token. ValueError where it cannot be read or has too few columns."""
    try:
        lines = Path(path).expanduser().read_text().splitlines()
        records = [record for record in csv.reader(lines) if record]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise ValueError(f"cannot read {path}: {why.lower()}") from None
    users: dict[str, User] = {}
    for record in records:
        if len(record) < 3:
            raise ValueError(
                f"token file '{path}' must have at least 3 columns (token, user name, user uid), "
                f"found {len(record)}"
            )
        token, name, uid = record[:3]
        groups = tuple(record[3].split(",")) if len(record) > 3 else ()
        if token:
            users[token] = User(name, rbac.with_authenticated(name, groups), uid)
    return users

"""ARNs and identifiers of ECS, in the long format, and the reading of the old short one.

Source: Amazon ECS Developer Guide, "Amazon Resource Names (ARNs) and IDs".
"""

from __future__ import annotations

import random
import re
import uuid

from moto.utilities.utils import get_partition

from runbook_sandbox.aws import context
from runbook_sandbox.aws.ecs.errors import error, invalid

NAME = re.compile(r"^[a-zA-Z0-9\-_]{1,255}$")


def arn(account_id: str, region: str, resource: str) -> str:
    """`resource` is the part after the last colon, such as `service/cluster/name`."""
    return f"arn:{get_partition(region)}:ecs:{region}:{account_id}:{resource}"


def new_task_id() -> str:
    return uuid.uuid4().hex


def new_number() -> str:
    """19 digits, as in deployment ids and service revisions."""
    return str(random.randrange(10**18, 10**19))


def new_short_id() -> str:
    """21 characters, as in service deployment ids."""
    return "".join(random.choices("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", k=21))


def _parts(identifier: str, kind: str) -> list[str]:
    """The path of an identifier below its resource type; one part when it is no ARN."""
    if not identifier.startswith("arn:"):
        return [identifier]
    fields = identifier.split(":", 5)
    if len(fields) < 6 or fields[2] != "ecs" or "/" not in fields[5]:
        raise invalid(f"Invalid identifier: {identifier}")
    found, *path = fields[5].split("/")
    if found != kind:
        raise invalid(f"Unsupported resource type: {found}")
    check_home(identifier)
    return path


def check_home(identifier: str) -> None:
    """Refuse an ARN of another Region or account; a name, and whatever is asked outside a request, is at home.

    ECS says "Invalid Region in ARN". It has no resource policies, so another account's resource is never allowed to
    anybody ("Cross-account policy evaluation logic", IAM User Guide), the administrator included.
    """
    request, fields = context.current.get(), identifier.split(":", 5)
    if request is None or request.service != "ecs" or len(fields) < 6 or fields[0] != "arn":
        return
    if fields[3] != request.region:
        raise invalid("Invalid Region in ARN")
    if fields[4] != request.account_id:
        action = f"ecs:{request.operation}"
        raise error(
            "AccessDeniedException",
            f"User: {request.caller.arn} is not authorized to perform: {action} on resource: {identifier} "
            f"because no resource-based policy allows the {action} action",
        )


def cluster_name(identifier: str | None) -> str:
    """Name of a cluster given by name or ARN; `default` when none is given."""
    if not identifier:
        return "default"
    name = _parts(identifier, "cluster")[-1]
    if not NAME.match(name):
        raise invalid(f"Cluster must match ^[a-zA-Z0-9\\-_]{{1,255}}$, but was {name}")
    return name


def scoped_name(identifier: str, kind: str, cluster: str) -> str:
    """Name of a service or id of a task in `cluster`, from a name, a long or a short ARN.

    An ARN of another cluster is refused, as ECS does, instead of being looked for.
    """
    path = _parts(identifier, kind)
    if len(path) > 1 and path[0] != cluster:
        raise invalid(f"Invalid identifier: Identifier is for cluster {path[0]}. Your cluster is {cluster}")
    return path[-1]

"""`python -m runbook_sandbox.clocked --name NAME`: puts the application and the operator into a running sandbox, to play with."""

from __future__ import annotations

import argparse
import sys

import psycopg

from runbook_sandbox import background
from runbook_sandbox.clocked.account import APP, DATABASE, WORKER, Account
from runbook_sandbox.clocked.database import Database
from runbook_sandbox.clocked.installation import EXAMPLES, NAMESPACE, RELEASE, install
from runbook_sandbox.harness import CommandError
from runbook_sandbox.state import DEFAULT_NAME, directory_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="clocked", description=__doc__)
    parser.add_argument("--name", default=DEFAULT_NAME, help="which sandbox (default: %(default)s)")
    client = background.client(directory_of(parser.parse_args().name))
    if client is None:
        print("that sandbox does not run: make sandbox", file=sys.stderr)
        return 1
    account = Account(client.aws_endpoint)
    try:
        if RELEASE in client.helm("list", f"--namespace={NAMESPACE}", "--short").split():
            print("the operator is installed already", file=sys.stderr)
            print(Database(account).command(), file=sys.stderr)
            return 0
        account.create_services(APP, WORKER, "clocked-reports-service", "billing-service")
        database = Database(account)
        database.create()
        install(client, account)
        for name in ("namespace.yaml", "account.yaml", "scaling.yaml", "backups.yaml"):
            client.kubectl("apply", f"--filename={EXAMPLES / name}")
        database.available()
        database.fill()
    except (CommandError, RuntimeError, TimeoutError, psycopg.Error) as error:
        print(f"clocked: {error}", file=sys.stderr)
        return 1
    print("the operator runs, with examples/clocked applied; for example:", file=sys.stderr)
    print(
        f"  kubectl get runbook -A\n  aws ecs update-service --cluster clocked-cluster --service {WORKER} --desired-count 1\n"
        f"  aws rds modify-db-instance --db-instance-identifier {DATABASE} --no-deletion-protection",
        file=sys.stderr,
    )
    print(f"{DATABASE} is a real PostgreSQL with the application's tables:\n  {database.command()}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

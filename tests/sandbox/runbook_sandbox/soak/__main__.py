"""`python -m runbook_sandbox.soak --operator PATH --minutes N [--seed N]`: exit code 0 when everything holds at the end, 1 when not.

The last third of the time is without kills, so that one process lives long enough for its memory to be looked at.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.installation import IMAGE, install
from runbook_sandbox.demo.__main__ import print_log
from runbook_sandbox.harness import CommandError, Options, Sandbox
from runbook_sandbox.processes import ProcessError
from runbook_sandbox.soak.backups import Backups
from runbook_sandbox.soak.declared import ACCOUNT_NAME, CLUSTER, Declared
from runbook_sandbox.soak.invariants import Memory, calm_down, check
from runbook_sandbox.soak.record import Record
from runbook_sandbox.soak.trouble import Trouble

#: Seconds between two events.
PAUSE = 1.5


def main() -> int:
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--operator", required=True, type=Path, help="the operator's program")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long things happen (default: %(default)s)")
    parser.add_argument("--services", type=int, default=16, help="how many services (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=None, help="what happens in which order; when it happens is never quite the same")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else random.SystemRandom().randrange(10_000)
    print(f"seed {seed}", flush=True)
    images = {IMAGE: str(options.operator.resolve())}
    with Sandbox.start(options=Options(images=images, crash_back_off=1)) as sandbox:
        try:
            return soak(sandbox, random.Random(seed), options.minutes * 60, options.services)
        except (AssertionError, TimeoutError, CommandError, ProcessError, ClientError, BotoCoreError) as error:
            print(f"\nThe soak failed (seed {seed}): {error}", file=sys.stderr)
            print_log(sandbox)
            return 1


def soak(sandbox: Sandbox, dice: random.Random, seconds: float, services: int) -> int:
    account = Account(sandbox.aws_endpoint)
    declared, record = Declared(sandbox, account, dice, services), Record(account)
    backups = Backups(sandbox, account, ACCOUNT_NAME, dice)
    install(sandbox, account, *backups.settings(), cluster=CLUSTER)
    declared.begin()
    backups.begin()
    trouble, memory = Trouble(sandbox, account, declared, backups, dice), Memory(sandbox)
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds:
        violent = passed < seconds * 2 / 3
        print(f"{passed:6.1f} s  {trouble.next(violent)}", flush=True)
        record.read()
        if not violent:
            memory.sample()
        time.sleep(dice.uniform(0, 2 * PAUSE))  # events come by the clock, not by conditions
    print(f"{seconds:6.1f} s  calm; {trouble.kills} kills", flush=True)
    trouble.clear()
    calm_down(declared, account)
    backups.calm_down()
    problems = check(sandbox, declared, account, record, memory, trouble.kills) + backups.check()
    print("\n".join(problems) or "everything holds", flush=True)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m runbook_sandbox.postgres`: sees to it that PostgreSQL is on this machine, and what databases begin as; prints where it is."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runbook_sandbox.postgres import binaries, template
from runbook_sandbox.postgres.owner import Owner
from runbook_sandbox.processes import ProcessError


def main() -> int:
    parser = argparse.ArgumentParser(prog="runbook_sandbox.postgres", description=__doc__)
    parser.add_argument("--download", type=Path, metavar="FOLDER", help="unpack Debian's packages into this folder, and nothing else")
    options = parser.parse_args()
    try:
        if options.download:
            found = binaries.install(options.download.resolve())
        else:
            found = binaries.ensure()
            template.ensure(found, Owner.of_this_machine(), binaries.cache_dir())
    except (binaries.InstallError, ProcessError, OSError) as error:
        binaries.say(str(error))
        return 1
    print(f"{found.directory} {found.version()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

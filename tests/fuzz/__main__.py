"""``make fuzz``: fuzz every parser with inputs that no run had before, and print a table."""

import secrets
import sys

from tests.fuzz.running import BOUNDS_MIB, run_all, table


def main() -> int:
    random_seed = secrets.randbelow(2**31)
    print(f"seed {random_seed}", flush=True)
    runs = run_all(random_seed=random_seed)
    print(table(runs))
    failed = {name: run for name, run in runs.items() if not run.within(BOUNDS_MIB[name])}
    for name, run in failed.items():
        print(f"\n{name}: {run.words or 'more memory than its bound'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

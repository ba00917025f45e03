#!/usr/bin/env python3
"""Ask PyPI which of the locked packages have known vulnerabilities.

Ends with 1 where one has. Where the advisories cannot be had, it says so and ends with 0: a
machine without that service would else never pass, and a missing answer is no finding.
"""

import json
import subprocess
import sys
from pathlib import Path

LOCK = Path(__file__).parents[1] / "requirements.lock"
_OPTIONS = ("--disable-pip", "--require-hashes", "--progress-spinner=off", "--timeout=10")


def main() -> int:
    """Run pip-audit on the lock and print what it found, or that it could not look."""
    command = [sys.executable, "-m", "pip_audit", *_OPTIONS, "--format=json", "-r", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        print(f"audit: NOT DONE, the advisory service does not answer: {_last(done.stderr)}")
        return 0
    packages = json.loads(done.stdout)["dependencies"]
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    bad = [package for package in packages if package.get("vulns")]
    for package in bad:
        ids = ", ".join(vulnerability["id"] for vulnerability in package["vulns"])
        print(f"audit: {package['name']} {package['version']}: {ids}")
    print(
        f"audit: of {len(packages)} packages {len(packages) - len(unknown)} looked up,"
        f" {len(bad)} vulnerable; NOT DONE for {len(unknown)}, of which the service knows nothing"
    )
    return 1 if bad else 0


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1][:200]


if __name__ == "__main__":
    sys.exit(main())

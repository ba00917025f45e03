#!/usr/bin/env python3
"""Check the locked packages for known vulnerabilities on PyPI.

Exit status 0 if all packages were checked and none is vulnerable, 1 if one is, and 3 if a package
could not be checked. In that case the audit is incomplete, and its last line begins with AUDIT.
`make lint` accepts 3, for machines without that service; `make audit` fails.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NotRequired, TypedDict

from script import begin

LOCK = Path(__file__).parents[1] / "requirements.lock"
VULNERABLE, NOT_DONE = 1, 3
_OPTIONS = ("--disable-pip", "--require-hashes", "--progress-spinner=off", "--timeout=10")
_MAX_NAMES = 20


def main() -> int:
    """Run pip-audit on the lock and print its findings, or that it could not run."""
    command = [sys.executable, "-m", "pip_audit", *_OPTIONS, "--format=json", "-r", str(LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, LookupError, TypeError):
        print(f"AUDIT NOT DONE: no packages were checked: {_last(done.stderr)}")
        return NOT_DONE
    lines, status = judge(packages)
    print("\n".join(lines))
    return status


class Vulnerability(TypedDict):
    """A vulnerability in pip-audit's report."""

    id: str


class Package(TypedDict):
    """A package in pip-audit's report; `skip_reason` if it could not be checked."""

    name: str
    version: NotRequired[str]
    vulns: NotRequired[list[Vulnerability]]
    skip_reason: NotRequired[str]


def judge(packages: list[Package]) -> tuple[list[str], int]:
    """Return the message and the exit status for pip-audit's report."""
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    bad = [package for package in packages if package.get("vulns")]
    known = len(packages) - len(unknown)
    lines = [f"audit: {known} of {len(packages)} packages checked, {len(bad)} vulnerable"]
    for package in bad:
        ids = ", ".join(vulnerability["id"] for vulnerability in package["vulns"])
        lines.append(f"audit: {package['name']} {package['version']}: {ids}")
    if not known:
        lines.append(f"AUDIT NOT DONE: 0 of {len(packages)} packages checked")
    elif unknown:
        names = ", ".join(unknown[:_MAX_NAMES]) + (" …" if len(unknown) > _MAX_NAMES else "")
        lines.append(f"AUDIT INCOMPLETE: {len(unknown)} packages not checked: {names}")
    return lines, VULNERABLE if bad else NOT_DONE if unknown or not known else 0


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["pip-audit printed nothing"])[-1][:200]


if __name__ == "__main__":
    begin(__doc__)
    sys.exit(main())

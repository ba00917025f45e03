#!/usr/bin/env python3
"""Search all files in git for passwords, tokens and keys.

Exit status 1 if there is one that is not in `.secrets.baseline`, which lists false positives in
tests. ``detect-secrets scan >.secrets.baseline`` rewrites it; check each entry first. The library's
own hook would change that file whenever a line moves.
"""

import json
import subprocess
import sys
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

from script import begin

BASELINE = Path(".secrets.baseline")


def main() -> int:
    """Scan, and print the locations of new findings."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True)
    found = SecretsCollection()
    with default_settings():
        for name in filter(None, listed.stdout.split("\0")):
            if name != str(BASELINE) and Path(name).is_file():
                found.scan_file(name)
    known = baseline.load(json.loads(BASELINE.read_text()))
    unknown = [secret for _, secret in found - known]
    for secret in unknown:
        print(f"{secret.filename}:{secret.line_number}: {secret.type}")
    return 1 if unknown else 0


if __name__ == "__main__":
    begin(__doc__)
    sys.exit(main())

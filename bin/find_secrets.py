#!/usr/bin/env python3
"""Look for passwords, tokens and keys in every file that git knows.

Ends with 1 where there is one that `.secrets.baseline` does not have: what looks like one in
tests and is none. ``detect-secrets scan >.secrets.baseline`` writes it anew; look at each first.
The library's own hook would change that file whenever a line moves.
"""

import json
import subprocess
import sys
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

BASELINE = Path(".secrets.baseline")


def main() -> int:
    """Scan, and print where something new was found."""
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
    sys.exit(main())

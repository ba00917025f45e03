"""Create the raw and the processed bucket."""

import os

import requests

from panoptes_network.config import settings


def main() -> None:
    """Create missing buckets on the server in STORAGE_EMULATOR_HOST."""
    url = f"{os.environ['STORAGE_EMULATOR_HOST']}/storage/v1/b"
    for name in (settings().raw_bucket, settings().processed_bucket):
        response = requests.post(url, json={"name": name}, timeout=10)
        if response.status_code != requests.codes.conflict:
            response.raise_for_status()


if __name__ == "__main__":
    main()

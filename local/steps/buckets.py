"""Make the raw and the processed bucket."""

import os

import requests

from panoptes_network.config import settings


def main() -> None:
    """Make those that are missing on the server that STORAGE_EMULATOR_HOST names."""
    url = f"{os.environ['STORAGE_EMULATOR_HOST']}/storage/v1/b"
    for name in (settings().raw_bucket, settings().processed_bucket):
        response = requests.post(url, json={"name": name}, timeout=10)
        if response.status_code != requests.codes.conflict:
            response.raise_for_status()


if __name__ == "__main__":
    main()

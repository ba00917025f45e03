"""A small version of the cloud's scheduler: posts to functions as their `deploy.toml` requests."""

import logging
import os
import threading
import time

import requests

from deployment.service import Schedule, address_variable, functions
from panoptes_network.telemetry import log

TIMEOUT_S = 60

_log = logging.getLogger("scheduler")


def main() -> None:
    """Post until the process is stopped."""
    log.setup("scheduler")
    for function, deployment in functions().items():
        for schedule in deployment.schedules:
            url = os.environ[address_variable(function)]
            threading.Thread(target=_repeat, args=(function, url, schedule), daemon=True).start()
    threading.Event().wait()


def _repeat(function: str, url: str, schedule: Schedule) -> None:
    while True:
        time.sleep(schedule.every_s)
        post(function, url, schedule)


def post(function: str, url: str, schedule: Schedule) -> int | None:
    """Post once and return the status; log and return None if nothing responds."""
    try:
        answer = requests.post(f"{url}{schedule.path}", json=schedule.body, timeout=TIMEOUT_S)
    except requests.RequestException as error:
        _log.warning("%s is not available: %s", function, error)
        return None
    _log.info("%s answered %s: %s", function, answer.status_code, answer.text[:500].strip())
    return answer.status_code


if __name__ == "__main__":
    main()

"""The step that makes the topics, with messages that are given up within two minutes."""

import runpy

from deployment import service

if __name__ == "__main__":
    service.MAX_DELIVERY_ATTEMPTS = 12
    service.MAX_BACKOFF_S = 10
    runpy.run_module("local.steps.topics", run_name="__main__")

"""Fixtures of sweeps and of messages, which several modules share."""

from tests.service.operations.messages import hook, mailbox, operations
from tests.service.operations.sweeps import sweeper

__all__ = ["hook", "mailbox", "operations", "sweeper"]

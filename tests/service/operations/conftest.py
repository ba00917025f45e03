"""Fixtures of the tests of messages, which two modules share."""

from tests.service.operations.messages import hook, mailbox, operations

__all__ = ["hook", "mailbox", "operations"]

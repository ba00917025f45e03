"""The network around the services, as their own tests have it."""

from tests.service.conftest import (
    broker,
    chain,
    function,
    network,
    set_env,
)

__all__ = ["broker", "chain", "function", "network", "set_env"]

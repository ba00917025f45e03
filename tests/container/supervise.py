"""The network as `local` supervises it, with one worker in its container."""

import os
from dataclasses import replace

from local.components import PREFERRED_PORTS, components, network_env, shared_env
from local.state import choose_ports, lock, write_env, write_state
from local.supervisor import Component, Supervisor
from tests.container.container import Container


def main() -> None:
    """Run the network until it is told to stop."""
    container = Container.from_environment()
    with lock():
        write_state({"pid": os.getpid()})
        ports = choose_ports(PREFERRED_PORTS)
        env = network_env(ports)
        parts = [_contained(part, container) for part in components(ports, env)]
        write_env(env)
        Supervisor(parts, shared_env(env)).run()


def _contained(part: Component, container: Container) -> Component:
    if part.name != container.service:
        return part
    command = container.inside(container.stage.entry_point)
    return replace(part, command=command, env={**part.env, **container.environment})


if __name__ == "__main__":
    main()

"""The network as `local` supervises it, with the plate solver in its container's image.

``CONTAINER`` is the image's folder, ``DOCKERFILE`` what it was made by.
"""

import os
from dataclasses import replace
from pathlib import Path

from local.components import PREFERRED_PORTS, components, network_env, shared_env
from local.state import choose_ports, lock, write_env, write_state
from local.supervisor import Component, Supervisor
from tests.container.build import inside
from tests.container.dockerfile import stages


def main() -> None:
    """Run the network until it is told to stop."""
    with lock():
        write_state({"pid": os.getpid()})
        ports = choose_ports(PREFERRED_PORTS)
        env = network_env(ports)
        parts = [_contained(part) for part in components(ports, env)]
        write_env(env)
        Supervisor(parts, shared_env(env)).run()


def _contained(part: Component) -> Component:
    if part.name != "gce-plate-solver":
        return part
    stage = stages(Path(os.environ["DOCKERFILE"]))[-1]
    command = inside(stage, Path(os.environ["CONTAINER"]), stage.entry_point)
    own = {"HEALTH_PORT": os.environ["CONTAINER_HEALTH_PORT"], "TMPDIR": "/tmp"}  # noqa: S108
    return replace(part, command=command, env={**part.env, **stage.environment, **own})


if __name__ == "__main__":
    main()

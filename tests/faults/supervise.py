"""The network as `local` supervises it, with a proxy in front of each function.

``FAULT_PROXY`` is the proxy's address; the services find each other through it. A message is given
up within two minutes and not within hours, so that a run sees what becomes of it.
"""

import os
import sys
from dataclasses import replace

from deployment.service import address_variable
from local.components import PREFERRED_PORTS, components, network_env, shared_env
from local.state import choose_ports, lock, write_env, write_state
from local.supervisor import Supervisor


def main() -> None:
    """Run the network until it is told to stop."""
    with lock():
        write_state({"pid": os.getpid()})
        ports = choose_ports(PREFERRED_PORTS)
        env = network_env(ports)
        quick = [sys.executable, "-m", "tests.faults.quick_topics"]
        parts = [
            replace(part, command=quick) if part.name == "topics" else part
            for part in components(ports, env)
        ]
        write_env(env)
        proxy = os.environ["FAULT_PROXY"]
        behind = {
            address_variable(name): f"{proxy}/{name}" for name in ports if name.startswith("cf-")
        }
        Supervisor(parts, shared_env(env) | behind).run()


if __name__ == "__main__":
    main()

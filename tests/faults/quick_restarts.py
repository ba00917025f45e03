"""The network as ``local`` runs it, except that what has ended is started again at once."""

from local import supervisor
from local.network import supervise

if __name__ == "__main__":
    supervisor.BACKOFF_S = supervisor.BACKOFF_S[:1]
    supervise()

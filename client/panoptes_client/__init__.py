"""The PANOPTES network for scientists: observations, files, stars, light curves and stamps."""

from panoptes_client.connection import Patience
from panoptes_client.errors import DownloadError, NetworkError, RefusedError, UnreachableError
from panoptes_client.files import File
from panoptes_client.network import Network
from panoptes_client.search import CandidateSearch, Search

__all__ = [
    "CandidateSearch",
    "DownloadError",
    "File",
    "Network",
    "NetworkError",
    "Patience",
    "RefusedError",
    "Search",
    "UnreachableError",
]

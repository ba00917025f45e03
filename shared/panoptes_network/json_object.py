"""The type of an object of JSON."""

from typing import Any

Json = dict[str, Any]

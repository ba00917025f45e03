"""Errors in forms, in the words of their labels instead of the names in URLs."""

from collections.abc import Mapping

LEFT, RIGHT = "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}"


def quoted(label: str) -> str:
    """Return a form's label in quotation marks."""
    return f"{LEFT}{label}{RIGHT}"


def in_labels(message: str | None, fields: Mapping[str, str]) -> str | None:
    """Replace the parameter at the start of an error message.

    Parameters
    ----------
    message : str or None
        Such as ``min_images must be a whole number``.
    fields : mapping
        What people call each parameter.
    """
    name, _, rest = (message or "").partition(" ")
    return f"{fields[name]} {rest}" if name in fields else message

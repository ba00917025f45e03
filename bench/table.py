"""The look of what the benches print: a line a figure, the peers' commands below theirs."""

from textwrap import wrap

WIDTH = 100
_LABEL = 58


def heading(text: str) -> None:
    """Print what the lines below were measured on."""
    print(f"\n{text}")


def line(label: str, value: float, unit: str = "s", note: str = "", depth: int = 1) -> None:
    """Print one figure.

    Parameters
    ----------
    label : str
        What was measured.
    value : float
        Printed with two decimals.
    unit, note : str
        Printed behind it.
    depth : int
        How far the label is set in; a part stands deeper than its whole.
    """
    print(f"{'  ' * depth + label:{_LABEL}}{value:10,.2f} {unit:3}{note:>16}".rstrip())


def command(words: str) -> None:
    """Print how the figure above can be had without this bench."""
    for part in wrap(words, WIDTH - 8, break_long_words=False, break_on_hyphens=False):
        print(f"{'':8}{part}")


def ratio(label: str, value: float, aim: str = "") -> None:
    """Print how many times one figure is another, and what it should be."""
    print(f"  {label:{_LABEL - 2}}{value:10,.2f} x{f'   aim: {aim}' if aim else ''}")

"""A discreet strip of text below a picture: what it shows on the left, when on the right."""

from bisect import bisect_right

from anyascii import anyascii
from PIL import Image, ImageDraw, ImageFont

STRIP_COLOUR = (12, 12, 12)
TEXT_COLOUR = (168, 168, 168)

LONGEST_TEXT = 1000
"""Characters of a text that are looked at: none of more fits, and a name may be very long."""

ELLIPSIS = "…"


def with_caption(image: Image.Image, left: str, right: str) -> Image.Image:
    """Return a picture with a strip below it: nothing of the sky is covered.

    The strip grows with the picture's width, from 16 pixels, and makes the whole height even, as
    films need it. A text that is too long ends in an ellipsis, the left one first.

    Parameters
    ----------
    image : Image
        RGB, 100 pixels or wider for a caption that says something; it is not changed.
    left, right : str
        In any script: Pillow's own font has Latin letters, others are transliterated. Control
        characters become spaces. May be empty.

    Returns
    -------
    Image
        RGB, as wide as `image`.
    """
    width, height = image.size
    strip = max(16, round(width / 50))
    strip += (height + strip) % 2
    captioned = Image.new("RGB", (width, height + strip), STRIP_COLOUR)
    captioned.paste(image, (0, 0))
    font = _font(strip * 5 // 8)
    margin, middle = strip // 2, height + strip / 2
    draw = ImageDraw.Draw(captioned)
    right = _shortened(_plain(right), font, width - 2 * margin)
    draw.text((width - margin, middle), right, TEXT_COLOUR, font, anchor="rm")
    # A space of a strip's height between the two, where there are two.
    used = font.getlength(right) + strip if right else 0
    left = _shortened(_plain(left), font, width - 2 * margin - used)
    draw.text((margin, middle), left, TEXT_COLOUR, font, anchor="lm")
    return captioned


def _font(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType and has no font that scales")
    return font


def _plain(text: str) -> str:
    """Return a text of printable ASCII, in one line."""
    spaced = "".join(c if c.isprintable() else " " for c in text[:LONGEST_TEXT])
    return " ".join(anyascii(spaced)[:LONGEST_TEXT].split())


def _shortened(text: str, font: ImageFont.FreeTypeFont, width_px: float) -> str:
    """Return as much of a text as fits, with an ellipsis for the rest; "" if nothing does."""
    if font.getlength(text) <= width_px:
        return text

    def length(count: int) -> float:
        return font.getlength(text[:count].rstrip() + ELLIPSIS)

    # `bisect` needs a sequence that grows, which the lengths of a text's beginnings are.
    fitting = bisect_right(range(1, len(text)), width_px, key=length)
    return text[:fitting].rstrip() + ELLIPSIS if fitting else ""

"""A strip of text below a picture: the subject on the left, the time on the right."""

from bisect import bisect_right

from anyascii import anyascii
from PIL import Image, ImageDraw, ImageFont

STRIP_COLOUR = (12, 12, 12)
TEXT_COLOUR = (168, 168, 168)

LONGEST_TEXT = 1000
"""Maximum characters considered: longer texts never fit, and a name may be very long."""

ELLIPSIS = "…"


def with_caption(image: Image.Image, left: str, right: str) -> Image.Image:
    """Return a picture with a strip below it, which covers nothing of the sky.

    The strip grows with the picture's width, from 16 pixels, and makes the total height even, as
    films need it. A text that is too long ends in an ellipsis; the left one is shortened first.

    Parameters
    ----------
    image : Image
        RGB, at least 100 pixels wide for a readable caption; it is not changed.
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
    # If there are two texts, leave a gap of the strip's height between them.
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
    """Return a text as printable ASCII in one line."""
    spaced = "".join(c if c.isprintable() else " " for c in text[:LONGEST_TEXT])
    return " ".join(anyascii(spaced)[:LONGEST_TEXT].split())


def _shortened(text: str, font: ImageFont.FreeTypeFont, width_px: float) -> str:
    """Return the part of a text that fits, with an ellipsis; "" if nothing fits."""
    if font.getlength(text) <= width_px:
        return text

    def length(count: int) -> float:
        return font.getlength(text[:count].rstrip() + ELLIPSIS)

    # `bisect` needs an ascending sequence, such as the lengths of a text's prefixes.
    fitting = bisect_right(range(1, len(text)), width_px, key=length)
    return text[:fitting].rstrip() + ELLIPSIS if fitting else ""

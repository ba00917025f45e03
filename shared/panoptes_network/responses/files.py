"""Files of images and observations."""

from typing import Annotated

from pydantic import Field

from panoptes_network.nights.schema import FilePlace, StoredFile
from panoptes_network.responses.values import Count

Files = dict[str, StoredFile]
"""Files by kind."""


class LightCurveFile(FilePlace):
    """A file of light curves; `n_bytes` is its size, null if it is not recorded."""

    n_bytes: Count | None


LightCurveFiles = Annotated[
    dict[str, LightCurveFile],
    Field(
        description=(
            "Files with all light curves of the sequence: light_curves, light_curves_fits."
        )
    ),
]
"""Light-curve files of a sequence by kind."""

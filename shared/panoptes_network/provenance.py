"""Provenance of a product, stored in its object's metadata."""

from collections.abc import Mapping
from dataclasses import dataclass

from panoptes_network.events import read_generation
from panoptes_network.storage import StoredObject

_IMAGE_ID, _PATH, _GENERATION, _OPTIONS = "image-id", "raw-path", "raw-generation", "options"


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a product was made from, and the options used.

    `options` is empty if the service used its defaults.
    """

    image_id: str
    path: str
    generation: int
    options: str = ""

    @property
    def is_cr2(self) -> bool:
        """Whether the file is a camera raw file."""
        return self.path.lower().endswith(".cr2")

    @property
    def metadata(self) -> dict[str, str]:
        """The metadata of the product's object; `of` parses them."""
        said = {_IMAGE_ID: self.image_id, _PATH: self.path, _GENERATION: str(self.generation)}
        return said | ({_OPTIONS: self.options} if self.options else {})

    @classmethod
    def of(cls, product: StoredObject | None) -> "Origin | None":
        """Return a product's origin; None if the object's metadata do not give it."""
        said: Mapping[str, str] = product.metadata if product else {}
        # Uploaders choose their objects' metadata.
        generation = read_generation(said.get(_GENERATION, ""))
        if _PATH not in said or generation is None:
            return None
        return cls(said.get(_IMAGE_ID, ""), said[_PATH], generation, said.get(_OPTIONS, ""))

    def gives_way_to(self, other: "Origin") -> bool:
        """Return whether a product of `other` replaces one of this.

        Products of a camera raw file replace those of a FITS file, a newer generation replaces an
        older one, and requested options replace the defaults.
        """
        ours, others = (self.is_cr2, self.generation), (other.is_cr2, other.generation)
        if ours == others:
            return bool(other.options) and other.options != self.options
        return ours < others

"""DataLink 1.1: all files of an image and its sequence, and their relation to the frame."""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from sqlalchemy import select
from sqlalchemy.orm import Session

from observations_data.data_tables import Column, Kind, Row, Table
from observations_data.database import AnyRow
from observations_data.files import (
    LIGHT_CURVE_COLUMNS,
    LIGHT_CURVES,
    LIGHT_CURVES_FITS,
    RAW_IS_GONE,
    files_of_image,
    light_curve_files,
    product_files,
)
from observations_data.http.file_stream import MEDIA_TYPES, UNKNOWN_TYPE
from observations_data.virtual_observatory.dali import FoundRows, Query
from observations_data.virtual_observatory.identifiers import Product, parse_dataset_id
from panoptes_network.database.light_curve_models import LightCurveSet
from panoptes_network.database.models import Image
from panoptes_network.nights.schema import StoredFile
from panoptes_network.responses.files import LightCurveFile
from panoptes_network.states import FileKind
from panoptes_network.web.public_url import absolute

MAX_IDS = 100
"""Identifiers resolved per request: each takes time to look up."""
SEMANTICS = {
    "raw": {Product.RAW: "#this", Product.SOLVED: "#progenitor"},
    "processed": {Product.RAW: "#derivation", Product.SOLVED: "#this"},
    FileKind.CR2: dict.fromkeys(Product, "#progenitor"),
    FileKind.RED: dict.fromkeys(Product, "#derivation"),
    FileKind.GREEN: dict.fromkeys(Product, "#derivation"),
    FileKind.BLUE: dict.fromkeys(Product, "#derivation"),
    FileKind.PICTURE: dict.fromkeys(Product, "#preview"),
    FileKind.PREVIEW: dict.fromkeys(Product, "#preview"),
    FileKind.THUMBNAIL: dict.fromkeys(Product, "#thumbnail"),
    LIGHT_CURVES: dict.fromkeys(Product, "#derivation"),
    LIGHT_CURVES_FITS: dict.fromkeys(Product, "#derivation"),
}
"""Terms of http://www.ivoa.net/rdf/datalink/core by kind of file and requested frame."""
DESCRIPTIONS = {
    "raw": "Raw frame, Bayer mosaic, FITS",
    "processed": "The same pixels with the plate solution in the header, FITS",
    FileKind.CR2: "Camera raw file, as uploaded by the unit",
    FileKind.RED: "Red, interpolated: not for photometry, FITS",
    FileKind.GREEN: "Green, interpolated: not for photometry, FITS",
    FileKind.BLUE: "Blue, interpolated: not for photometry, FITS",
    FileKind.PICTURE: "Picture for display",
    FileKind.PREVIEW: "Picture for display, 1280 pixels wide",
    FileKind.THUMBNAIL: "Thumbnail",
    LIGHT_CURVES: "Light curves of all stars of its sequence, Parquet",
    LIGHT_CURVES_FITS: "Light curves of all stars of its sequence, FITS",
}
LINKS = Table(
    "links",
    "Files of the requested images",
    tuple(
        Column(name, said, kind, unit, ucd, datatype="char" if kind is Kind.TEXT else None)
        for name, said, kind, unit, ucd in (
            ("ID", "Requested identifier", Kind.TEXT, None, "meta.id;meta.main"),
            ("access_url", "URL of the file", Kind.TEXT, None, "meta.ref.url"),
            ("service_def", "Empty: no file is made by a service", Kind.TEXT, None, "meta.ref"),
            ("error_message", "Why there is no file", Kind.TEXT, None, "meta.code.error"),
            ("description", "Description of the file", Kind.TEXT, None, "meta.note"),
            ("semantics", "Relation of the file to the frame", Kind.TEXT, None, "meta.code"),
            ("content_type", "Its media type", Kind.TEXT, None, "meta.code.mime"),
            (
                "content_length",
                "Its size, where known",
                Kind.INTEGER,
                "byte",
                "phys.size;meta.file",
            ),
        )
    ),
)


def links(session: Session, query: Query) -> FoundRows:
    """Return the files of the images named by ID, one row each.

    An unknown identifier has a row with an error; without identifiers there are no rows. `is_cut`
    means that there are more identifiers than the limit: as in DataLink 1.1, 2.1.1, the first ones
    have all their rows, the others none.
    """
    asked = list(dict.fromkeys(query.texts("ID")))
    means = {text: parse_dataset_id(text) for text in asked[:MAX_IDS]}
    ids = [meant[1] for meant in means.values() if meant]
    images = _images(session, ids)
    files = product_files(session, Image.image_id.in_(ids))
    rows: list[Row] = []
    for text, meant in means.items():
        image = images.get(meant[1]) if meant else None
        if meant is None or image is None:
            rows.append(_unknown(text))
        else:
            named = files_of_image(image, files.get(image.image_id, {})) | light_curve_files(image)
            rows += _rows(text, meant[0], named)
    return {"rows": rows, "is_cut": len(asked) > MAX_IDS}


def _images(session: Session, ids: list[str]) -> dict[str, AnyRow]:
    rows = session.execute(
        select(
            *(Image.image_id, Image.bucket_path, Image.solved_path, RAW_IS_GONE),
            *LIGHT_CURVE_COLUMNS,
        )
        .outerjoin(LightCurveSet, LightCurveSet.sequence_id == Image.sequence_id)
        .where(Image.image_id.in_(ids))
    )
    return {row.image_id: row for row in rows}


def _rows(
    asked: str, product: Product, files: Mapping[str, StoredFile | LightCurveFile]
) -> Iterator[Row]:
    for kind, file in files.items():
        suffix = PurePosixPath(file["path"]).suffix.lower()
        yield {
            "ID": asked,
            "access_url": absolute(file["url"]),
            "description": DESCRIPTIONS[kind],
            "semantics": SEMANTICS[kind][product],
            "content_type": MEDIA_TYPES.get(suffix, UNKNOWN_TYPE),
            "content_length": file.get("n_bytes"),
        }


def _unknown(asked: str) -> Row:
    return {
        "ID": asked,
        "semantics": "#this",
        "error_message": "NotFoundFault: there is no such image",
    }

"""The network's tables, fetched page by page, as astropy tables."""

from io import BytesIO
from textwrap import wrap
from urllib.parse import urljoin

import numpy as np
from astropy.table import Column, MaskedColumn, Table, vstack

from panoptes_client.connection import Connection


def table_at(
    connection: Connection, path: str, parameters: dict[str, str], limit: int | None = None
) -> Table:
    """Return a listing of the network, all its pages or the first `limit` rows.

    Columns have the network's units and descriptions; the listing's description is in `meta`, as
    ``comments``. Unknown values are masked; a column without unknown values has no mask. Without
    rows, the table still has its columns.

    Raises
    ------
    RefusedError, UnreachableError
        If the request fails.
    """
    pages: list[Table] = []
    address: str | None = connection.address(path)
    sent = {**parameters, "format": "votable"}
    while address:
        answer = connection.get(address, sent)
        pages.append(Table.read(BytesIO(answer.content), format="votable"))
        following = answer.links.get("next", {}).get("url")
        is_enough = limit is not None and sum(map(len, pages)) >= limit
        # The Link header has all parameters.
        address, sent = urljoin(answer.url, following) if following and not is_enough else None, {}
    whole = vstack(pages, metadata_conflicts="silent")[:limit]
    # In FITS, a description would be an overlong keyword.
    whole.meta["comments"] = wrap(whole.meta.pop("description"), 70)
    for name in whole.colnames:
        whole.replace_column(name, _plain(whole[name]))
    return whole


def _plain(column: MaskedColumn) -> Column:
    """Return a column, masked only if needed, with texts in a type that every format accepts.

    Text columns have object dtype; unknown texts are empty.
    """
    values, mask = np.ma.getdata(column), np.ma.getmaskarray(column)
    if column.dtype == object:
        values = np.array([str(value or "") for value in values], dtype=str)
        mask = mask | (values == "")
    facts = {"name": column.name, "unit": column.unit, "description": column.description}
    return MaskedColumn(values, mask=mask, **facts) if mask.any() else Column(values, **facts)

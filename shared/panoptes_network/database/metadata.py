"""All tables of the database `metadata` together."""

from panoptes_network.database import light_curve_models, operation_models
from panoptes_network.database.models import Base

__all__ = ["METADATA", "light_curve_models", "operation_models"]

METADATA = Base.metadata
"""Of the tables of all three modules: it knows those whose module was imported."""

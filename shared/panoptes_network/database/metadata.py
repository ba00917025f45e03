"""All tables of the database `metadata` combined."""

from panoptes_network.database import light_curve_models, notice_models, operation_models
from panoptes_network.database.models import Base

__all__ = ["METADATA", "light_curve_models", "notice_models", "operation_models"]

METADATA = Base.metadata
"""Importing this module registers the tables of all model modules."""

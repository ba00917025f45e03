"""The columns of ObsCore 1.1 for the network's frames, with its names, UCDs and units."""

from observations_data.data_tables import Column, Kind, Table


def _column(name: str, utype: str, ucd: str, kind: Kind, unit: str | None, said: str) -> Column:
    datatype = "char" if kind is Kind.TEXT and name not in _NAMED_FREELY else None
    xtype = "adql:REGION" if name == "s_region" else None
    if name == "calib_level":
        datatype = "int"
    return Column(name, said, kind, unit, ucd, f"obscore:{utype}", xtype, datatype)


_NAMED_FREELY = {"target_name", "obs_title"}
_TEXT, _WHOLE, _REAL = Kind.TEXT, Kind.INTEGER, Kind.REAL
_SPACE, _SPACES = "Char.SpatialAxis", "Char.SpatialAxis.Coverage"
_TIMES, _BANDS = "Char.TimeAxis.Coverage", "Char.SpectralAxis.Coverage"
_AT = "Location.Coord.Position2D.Value2"
# fmt: off
_COLUMNS = (
    ("dataproduct_type", "ObsDataset.dataProductType", "meta.code.class", _TEXT, None,
     "Data product type: image"),
    ("calib_level", "ObsDataset.calibLevel", "meta.code;obs.calib", _WHOLE, None,
     "1: raw frame, 2: with plate solution"),
    ("obs_collection", "DataID.collection", "meta.id", _TEXT, None, "Data collection"),
    ("obs_id", "DataID.observationID", "meta.id", _TEXT, None,
     "Observation: the frames of one camera in one tracking run"),
    ("obs_publisher_did", "Curation.publisherDID", "meta.ref.ivoid", _TEXT, None,
     "Identifier of this frame; DataLink lists all files of its image"),
    ("obs_title", "DataID.title", "meta.title;obs", _TEXT, None, "Field, image and product"),
    ("access_url", "Access.reference", "meta.ref.url", _TEXT, None, "URL of the file"),
    ("access_format", "Access.format", "meta.code.mime", _TEXT, None, "Its media type"),
    ("access_estsize", "Access.size", "phys.size;meta.file", _WHOLE, "kbyte",
     "Its size, where known"),
    ("target_name", "Target.name", "meta.id;src", _TEXT, None, "Target field"),
    ("s_ra", f"{_SPACES}.{_AT}.C1", "pos.eq.ra", _REAL, "deg", "Centre, ICRS"),
    ("s_dec", f"{_SPACES}.{_AT}.C2", "pos.eq.dec", _REAL, "deg", "Centre, ICRS"),
    ("s_fov", f"{_SPACES}.Bounds.Extent.diameter", "phys.angSize;instr.fov", _REAL, "deg",
     "Diagonal of the frame"),
    ("s_region", f"{_SPACES}.Support.Area", "pos.outline;obs.field", _TEXT, None,
     "Corners of the frame, ICRS, degrees"),
    ("s_xel1", f"{_SPACE}.numBins1", "meta.number", _WHOLE, None, "Pixels along x"),
    ("s_xel2", f"{_SPACE}.numBins2", "meta.number", _WHOLE, None, "Pixels along y"),
    ("s_pixel_scale", f"{_SPACE}.Sampling.RefVal.SamplingPeriod", "phys.angSize;instr.pixel",
     _REAL, "arcsec", "Side of a pixel"),
    ("s_resolution", f"{_SPACE}.Resolution.Refval.value", "pos.angResolution", _REAL,
     "arcsec", "Full width at half maximum of the stars"),
    ("t_min", f"{_TIMES}.Bounds.Limits.StartTime", "time.start;obs.exposure", _REAL, "d",
     "Start of the exposure, MJD, UTC"),
    ("t_max", f"{_TIMES}.Bounds.Limits.StopTime", "time.end;obs.exposure", _REAL, "d",
     "End of the exposure, MJD, UTC"),
    ("t_exptime", f"{_TIMES}.Support.Extent", "time.duration;obs.exposure", _REAL, "s",
     "Exposure"),
    ("t_resolution", "Char.TimeAxis.Resolution.Refval.value", "time.resolution", _REAL, "s",
     "The same exposure"),
    ("t_xel", "Char.TimeAxis.numBins", "meta.number", _WHOLE, None, "Exposures"),
    ("em_min", f"{_BANDS}.Bounds.Limits.LoLimit", "em.wl;stat.min", _REAL, "m",
     "Shortest wavelength, nominal"),
    ("em_max", f"{_BANDS}.Bounds.Limits.HiLimit", "em.wl;stat.max", _REAL, "m",
     "Longest wavelength, nominal"),
    ("em_res_power", "Char.SpectralAxis.Resolution.ResolPower.refVal", "spect.resolution",
     _REAL, None, "Mean wavelength by bandwidth"),
    ("em_xel", "Char.SpectralAxis.numBins", "meta.number", _WHOLE, None,
     "Samples of the spectrum: the colours are a mosaic of one frame"),
    ("o_ucd", "Char.ObservableAxis.ucd", "meta.ucd", _TEXT, None, "Quantity that pixels measure"),
    ("pol_states", "Char.PolarizationAxis.stateList", "meta.code;phys.polarization", _TEXT,
     None, "Polarization is not measured"),
    ("pol_xel", "Char.PolarizationAxis.numBins", "meta.number", _WHOLE, None,
     "Polarizations"),
    ("facility_name", "Provenance.ObsConfig.Facility.name", "meta.id;instr.tel", _TEXT, None,
     "Unit: the telescope"),
    ("instrument_name", "Provenance.ObsConfig.Instrument.name", "meta.id;instr", _TEXT, None,
     "Camera"),
)
# fmt: on
OBSCORE = Table(
    "obscore",
    "Frames of the network's cameras: ObsCore 1.1",
    tuple(_column(*column) for column in _COLUMNS),
)

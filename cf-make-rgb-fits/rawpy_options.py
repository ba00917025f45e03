"""Demosaicing of a CR2: the options of rawpy that a request may set, with validation."""

from typing import Annotated, Literal

import rawpy
from pydantic import BaseModel, ConfigDict, Field

from panoptes_network.frames.bayer import BLACK_LEVEL_ADU

Algorithm = Literal["LINEAR", "VNG", "PPG", "AHD", "DCB", "DHT", "AAHD"]
"""Algorithms in rawpy's wheels; the others need a library under the GPL."""
ColorSpace = Literal["raw", "sRGB", "Adobe", "Wide", "ProPhoto", "XYZ"]
HighlightMode = Literal["Clip", "Ignore", "Blend", "ReconstructDefault"]
NoiseReduction = Literal["Off", "Light", "Full"]
Exponent = Annotated[float, Field(gt=0, le=20)]
Factor = Annotated[float, Field(gt=0, le=64)]

_ENUMERATIONS = {
    "demosaic_algorithm": rawpy.DemosaicAlgorithm,
    "output_color": rawpy.ColorSpace,
    "highlight_mode": rawpy.HighlightMode,
    "fbdd_noise_reduction": rawpy.FBDDNoiseReductionMode,
}


class RawpyOptions(BaseModel):
    """Options of ``rawpy.Params``, by name; enumerations by their members' names.

    The defaults leave pixels unchanged: linear, in ADU including the camera's black level, without
    scaling or colour conversion, so that each measured value stays in its pixel. Options that name
    a file or rotate the picture are not supported.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    demosaic_algorithm: Algorithm = "AHD"
    half_size: bool = False
    four_color_rgb: bool = False
    dcb_iterations: int = Field(0, ge=0, le=3)
    dcb_enhance: bool = False
    fbdd_noise_reduction: NoiseReduction = "Off"
    noise_thr: float | None = Field(None, ge=0, le=5000)
    median_filter_passes: int = Field(0, ge=0, le=5)
    use_camera_wb: bool = False
    use_auto_wb: bool = False
    user_wb: list[Factor] = Field([1.0, 1.0, 1.0, 1.0], min_length=4, max_length=4)
    output_color: ColorSpace = "raw"
    output_bps: Literal[8, 16] = 16
    user_black: int = Field(0, ge=0, le=65535)
    user_sat: int | None = Field(None, ge=1, le=65535)
    no_auto_bright: bool = True
    auto_bright_thr: float | None = Field(None, ge=0, le=1)
    adjust_maximum_thr: float = Field(0.75, ge=0, le=1)
    bright: float = Field(1.0, gt=0, le=100)
    highlight_mode: HighlightMode = "Clip"
    no_auto_scale: bool = True
    gamma: list[Exponent] = Field([1.0, 1.0], min_length=2, max_length=2)

    @property
    def parameters(self) -> rawpy.Params:
        """The same options as rawpy takes them."""
        named = self.model_dump(exclude_none=True)
        for name, enumeration in _ENUMERATIONS.items():
            named[name] = getattr(enumeration, named[name])
        named["gamma"] = tuple(self.gamma)
        # The camera's own black level also keeps differences between the colours.
        return rawpy.Params(**named, user_cblack=[0] * 4, user_flip=0)

    @property
    def black_level_adu(self) -> int:
        """Value of an unexposed pixel in the planes, if nothing else is scaled."""
        return BLACK_LEVEL_ADU - self.user_black

"""A unit without a telescope: frames of the simulated sky with their true values."""

from simulator.frame import Frame, simulate
from simulator.observation import Conditions, Observation

__all__ = ["Conditions", "Frame", "Observation", "simulate"]

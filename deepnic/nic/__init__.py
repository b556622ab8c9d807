"""Nguyen Information Criteria: families of combinations, and the images they make."""

from deepnic.nic.families import Family, family, structure
from deepnic.nic.genes import count_signatures, rop_images
from deepnic.nic.observations import forest_vote, observation_images

__all__ = [
    "Family",
    "count_signatures",
    "family",
    "forest_vote",
    "observation_images",
    "rop_images",
    "structure",
]

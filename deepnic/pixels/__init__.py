"""From images to a table of few, telling pixels: structural, data and relevance filters."""

from deepnic.pixels.filter import account, filter_pixels, select_pixels

__all__ = ["account", "filter_pixels", "select_pixels"]

from .write import write_atlas as write_atlas

__all__ = ["write_atlas"]

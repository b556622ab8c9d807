"""Workstations that are reached over ssh: asked, started, looked at and stopped."""

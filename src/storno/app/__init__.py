"""Composition: the home folder, settings, and the only place that names engines."""

from storno.app.home import home_dir

__all__ = ["home_dir"]

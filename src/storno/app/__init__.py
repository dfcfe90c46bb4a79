"""Composition: the home folder, settings, and the only place that names engines.

`settings.py` reads and checks; `build.py` opens and joins. Nothing below `app` knows where a file lies.
"""

from storno.app.home import home_dir

__all__ = ["home_dir"]

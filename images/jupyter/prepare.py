"""Lets Matplotlib list its fonts, which takes as long as all the rest of its start."""

import os

os.environ['MPLCONFIGDIR'] = '/opt/paddock/prepared/matplotlib'
import matplotlib.font_manager  # noqa: E402, F401

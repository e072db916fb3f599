"""Compiles what waits, and lets Matplotlib list its fonts, which takes as long as all the rest of its start."""

import os
import runpy
import sys

sys.argv[1:] = ['/opt/paddock/runtime/science.py']
runpy.run_path('/opt/paddock/python/prepare.py')
os.environ['MPLCONFIGDIR'] = '/opt/paddock/prepared/matplotlib'
import matplotlib.font_manager  # noqa: E402, F401

"""Imported ahead, once in the fork server: everything that programs of this runtime usually import.

What is imported is each program's own, as if it had just imported it: what it finds set up here is what an import leaves.
"""

import os

# Read by these packages when they are imported: with another value the program is started afresh.
SHAPING_VARIABLES = [b'MPL', b'MATPLOTLIB', b'NUMPY', b'NPY_', b'OPENBLAS', b'OMP_', b'SCIPY', b'PANDAS', b'XDG_']
SHAPING_FILES = ['matplotlibrc']
FONTS = '/opt/paddock/prepared/matplotlib'


def _import_matplotlib():
    """Matplotlib wants a folder it could write to, and there is none here; it only reads its list of fonts."""
    asked, configured = os.access, os.environ['MPLCONFIGDIR']
    os.access = lambda path, mode, **rest: str(path) == FONTS or asked(path, mode, **rest)
    os.environ['MPLCONFIGDIR'] = FONTS
    try:
        import matplotlib.pyplot
        from matplotlib import get_cachedir, get_configdir

        get_configdir()
        get_cachedir()
    finally:
        os.access = asked
        os.environ['MPLCONFIGDIR'] = configured


def _go_through():
    """What programs do first; it imports what these packages import only where it is used."""
    from io import BytesIO, StringIO

    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib import font_manager
    import pandas as pd

    frame = pd.read_csv(StringIO('name,at,value\na,2024-01-01,1\nb,2024-01-02,2\n'), parse_dates=['at'])
    str(frame), str(frame.describe()), str(frame.groupby('name')['value'].mean()), frame.to_csv()
    str(frame.merge(frame, on='name').sort_values('value_x'))
    np.linalg.solve(np.eye(2) * 2.0, np.ones(2))
    figure, axes = plt.subplots()
    axes.plot([1, 2], label='a')
    axes.set_title('a')
    axes.legend()
    figure.savefig(BytesIO())
    plt.close('all')
    # Each holds its file open, and no descriptor outlives the fork.
    font_manager._get_font.cache_clear()


def _draw_anew():
    """NumPy's common generator is seeded when NumPy is imported; what the program forks itself inherits its state."""
    if waiting:
        waiting.pop()
        numpy.random.seed()


_import_matplotlib()
_go_through()

import numpy.random  # noqa: E402

waiting = [True]
os.register_at_fork(after_in_child=_draw_anew)

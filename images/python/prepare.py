"""Compiles sitecustomize.py ahead: compiling it at every start would cost 2 ms each.

Usage: prepare.py [FILE…]. The files are compiled as well; they are the modules that a runtime with a `preload` of its own adds.
"""

import py_compile
import sys
from pathlib import Path

for source in [Path(__file__).with_name('sitecustomize.py'), *map(Path, sys.argv[1:])]:
    py_compile.compile(
        str(source),
        cfile=source.stem + '.pyc',
        doraise=True,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )

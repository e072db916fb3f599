"""Compiles sitecustomize.py ahead: compiling it at every start would cost 2 ms each."""

import py_compile

py_compile.compile(
    '/opt/paddock/runtime/sitecustomize.py',
    cfile='sitecustomize.pyc',
    doraise=True,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
)

import type { ExecutionRequestInput } from '../../service/contracts/execution.ts';

const deleted = "class L:\n    def __del__(self): print('deleted', self.__dict__)\n";
const lines = (...text: string[]): string => `${text.join('\n')}\n`;

/** Python programs whose start or end is delicate: what they say and how they end must not tell how they were started. */
const codes: Readonly<Record<string, string>> = {
  'exit-number': "import sys\nprint('x', end='')\nsys.exit(3)",
  'exit-text': "import sys\nsys.exit('words')",
  'exit-none': 'import sys\nsys.exit(None)',
  'exit-empty-tuple': 'import sys\nsys.exit(())',
  'exit-tuple': 'import sys\nsys.exit((3,))',
  'exit-code-raises': 'class E(SystemExit):\n    @property\n    def code(self): raise ValueError\nraise E(3)',
  'exit-large': 'import sys\nsys.exit(256 + 7)',
  'exit-float': 'import sys\nsys.exit(1.5)',
  'exit-builtin': 'quit(4)',
  'exit-and-delete': `${deleted}import sys\nl = L()\nsys.exit(3)`,
  'exit-text-and-delete': `${deleted}import sys\nl = L()\nsys.exit(l)`,
  'exit-at-once': "import os, sys\nsys.stdout.write('lost')\nos._exit(4)",
  'exit-in-thread':
    "import sys, threading\nthreading.Thread(target=lambda: sys.exit(5)).start()\nprint('main')",
  'exit-in-atexit': 'import atexit, sys\natexit.register(sys.exit, 6)',
  'exit-in-exit': 'try:\n    raise SystemExit(2)\nfinally:\n    raise ValueError(1)',
  raise: 'def f(): raise ValueError("é")\nf()',
  'raise-group': "raise ExceptionGroup('g', [ValueError(1), TypeError(2)])",
  'raise-in-thread': 'import threading\nthreading.Thread(target=lambda: 1 / 0, name="T").start()',
  'raise-in-atexit': 'import atexit\natexit.register(lambda: 1 / 0)\nprint(1)',
  'raise-in-del': 'class L:\n    def __del__(self): 1 / 0\nl = L()',
  'raise-with-notes': "e = ValueError(1)\ne.add_note('note')\nraise e",
  'raise-through-exec': "exec(compile('1 / 0', 'other', 'exec'))",
  'raise-own-hook': 'import sys\nsys.excepthook = lambda *a: print("hook", a[1])\n1 / 0',
  'raise-bad-hook': 'import sys\ndef hook(*a): raise KeyError(2)\nsys.excepthook = hook\n1 / 0',
  'raise-unprintable': 'class E(Exception):\n    def __str__(self): raise ValueError\nraise E',
  'raise-twice': 'try:\n    1 / 0\nexcept ZeroDivisionError:\n    [][1]',
  interrupt: 'raise KeyboardInterrupt',
  'interrupt-by-signal': 'import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(1)',
  terminate: 'import os, signal\nprint(1)\nos.kill(os.getpid(), signal.SIGTERM)',
  abort: 'import os\nos.abort()',
  'bottomless-recursion': 'def f(): f()\nf()',
  'close-stdout': "import sys\nprint('x')\nsys.stdout.close()",
  'close-descriptor': "import os\nprint('x')\nos.close(1)\nprint('y')",
  'no-stdout': 'import sys\nsys.stdout = None\nprint(1)\nsys.stderr.write("e")',
  'del-stdout': 'import sys\ndel sys.stdout\nsys.stderr.write("e")',
  'other-stdout': 'import io, sys\nsys.stdout = io.StringIO()\nprint(1)\nprint(2, file=sys.__stdout__)',
  'wrapped-stdout': 'import io, sys\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, "latin-1")\nprint("é")',
  'detached-stdout': 'import sys\nb = sys.stdout.detach()\nb.write(b"raw")',
  'buffered-bytes': 'import sys\nsys.stdout.buffer.write(b"a\\xff")\nprint("b")\nsys.stdout.write("c")',
  surrogates: 'print("\\udc80")',
  // Something outside of the program's module holds what it wrote to: only Python's own end finds it.
  ...Object.fromEntries(
    [
      'import signal\nsignal.signal(signal.SIGTERM, lambda *a: None)',
      'import sys\nsys.excepthook = lambda *a: None',
      'import builtins\nbuiltins.input = lambda *a: None',
      'import os\nos.getcwd = lambda *a: None',
      'import codecs\ncodecs.register(lambda name: None)',
      'import os\nos.register_at_fork(before=lambda: None)',
      'import sys\nsys.addaudithook(lambda *a: None)',
      'import stat\nstat.held = out',
    ].map((hold, n) => [
      `unflushed-and-held-${n}`,
      `import os\nout = os.fdopen(1, 'w', closefd=False)\n${hold}\nout.write('answer')`,
    ]),
  ),
  'own-print': lines(
    'import os, builtins',
    'out = os.fdopen(1, "w", closefd=False)',
    'builtins.print = lambda *a: out.write(" ".join(map(str, a)))',
    'print("answer")',
  ),
  'loop-left-open':
    'import asyncio\nasync def m(): print(1)\nasyncio.get_event_loop().run_until_complete(m())',
  'unclosed-file': 'f = open("x", "w")\nf.write("kept")\nprint(1)',
  cycles: `${deleted}a = L()\na.own = a\nb = L()\nb.f = lambda: b\nprint(1)`,
  globals: `${deleted}_a = L()\nb = L()\nb.x = 1\n__c = L()`,
  'globals-after-raise': `${deleted}a = L()\n1 / 0`,
  'deleted-in-function': `${deleted}def f():\n    l = L()\n    raise ValueError\nf()`,
  'modules-at-the-end':
    'import os, sys, json\nclass L:\n    def __del__(self): print(os, sys, json, L, type(self))\nl = L()',
  'kept-by-library': `${deleted}import json, os, sys, builtins\njson.kept = L()\nos.kept = L()\nsys.kept = L()\nbuiltins.kept = L()`,
  'kept-by-class': `${deleted}class K:\n    kept = L()\nint_ = type('I', (int,), {'kept': L()})`,
  'kept-by-thread': `${deleted}import threading\nlocal = threading.local()\nlocal.l = L()`,
  'kept-by-context': `${deleted}import contextvars\nv = contextvars.ContextVar('v')\nv.set(L())`,
  'kept-by-generator': `${deleted}def g():\n    l = L()\n    try:\n        yield 1\n    finally:\n        print('finally')\nx = g()\nnext(x)`,
  weakly: `${deleted}import weakref\nl = L()\nr = weakref.ref(l, lambda r: print('gone'))\nweakref.finalize(l, print, 'final')`,
  'atexit-order': "import atexit\nfor n in range(3):\n    atexit.register(print, 'end', n)\nprint('main')",
  'atexit-registers': "import atexit\natexit.register(lambda: atexit.register(print, 'late'))",
  'atexit-and-threads':
    "import atexit, threading, time\natexit.register(print, 'atexit')\nthreading.Thread(target=lambda: (time.sleep(.05), print('thread'))).start()",
  'daemon-thread':
    "import threading, time\nthreading.Thread(target=lambda: time.sleep(9), daemon=True).start()\nprint('end')",
  'pool-at-the-end':
    "from concurrent.futures import ThreadPoolExecutor\np = ThreadPoolExecutor(1)\np.submit(lambda: print('done'))",
  'async-generator': lines(
    'import asyncio',
    'async def g():',
    '    try:',
    '        yield 1',
    '    finally:',
    "        print('closed')",
    'async def main():',
    '    async for x in g(): break',
    'asyncio.run(main())',
  ),
  'never-awaited': 'async def f(): pass\nf()',
  'own-module':
    'import __main__, sys\nx = 1\nprint(__main__.x, __main__.__dict__ is globals(), sys.modules["__main__"] is __main__, __main__)',
  'own-source': 'import inspect, sys\ndef f(): pass\nprint(inspect.getsource(f), inspect.getmodule(f))',
  'own-names':
    'print(sorted(globals()), __builtins__, __annotations__ if "__annotations__" in globals() else None)',
  'import-itself': 'print(__name__)\nimport main\n',
  'other-main': 'import sys, types\nsys.modules["__main__"] = types.ModuleType("other")\nprint(1)',
  'no-modules': 'import sys\nsys.modules.clear()\nprint(1)',
  'no-builtins': 'import builtins\nprint(1)\nvars(builtins).clear()',
  'spoilt-builtins': `${deleted}import builtins\nl = L()\nbuiltins.len = builtins.list = builtins.type = None`,
  future: 'from __future__ import annotations\ndef f(x: nothing): pass\nprint(f.__annotations__)',
  'no-future': 'def f(x: int): pass\nprint(f.__annotations__)',
  'syntax-error': 'print(1\nx = ',
  'indentation-error': 'if 1:\nprint(1)',
  'bad-escape': "import re\nprint('\\d')",
  'null-byte': 'print(1)\n\0',
  empty: '\n',
  comment: '# nothing',
  mark: '\ufeffprint(1)',
  'carriage-returns': 'print(1)\r\nif 1:\r\n    print(2)\r\n',
  'other-coding': '# -*- coding: latin-1 -*-\nprint("é")',
  'unknown-coding': '# -*- coding: nonsense -*-\nprint(1)',
  docstring: '"""Words."""\nprint(__doc__)',
  'assert-and-debug': 'print(__debug__)\nassert False, "no"',
  traced:
    'import sys\ndef t(f, e, a):\n    print(e, f.f_code.co_name, f.f_lineno)\n    return t\nsys.settrace(t)\ndef f(): pass\nf()',
  audited:
    'import sys\nsys.addaudithook(lambda n, a: sys.stderr.write(n + "\\n") if n.startswith(("cpython", "sys.exc")) else None)\nprint(1)',
  inspected: 'import os\nos.environ["PYTHONINSPECT"] = "1"\nprint(1)',
  warned: 'import warnings\nwarnings.warn("w", DeprecationWarning)\nopen("/dev/null")',
  breakpoint: 'breakpoint()\nprint(1)',
  'fork-both-end':
    'import atexit, os\natexit.register(lambda: print("atexit", pid == 0))\npid = os.fork()\nif pid: os.wait()\nprint("end", pid == 0)',
  'fork-child-raises': 'import os\nif os.fork() == 0:\n    1 / 0\nprint(os.wait()[1])',
  'fork-child-exits': `${deleted}import os, sys\nl = L()\nif os.fork() == 0:\n    sys.exit(3)\nprint(os.wait()[1])`,
  exec: 'import os, sys\nprint(1, flush=True)\nos.execv(sys.executable, [sys.executable, "-c", "print(2)"])',
  collector:
    'import gc\nprint(gc.collect() >= 0, gc.isenabled())\nclass C: pass\nc = C()\nc.c = c\ndel c\nprint(gc.collect())',
  'collector-debugged': 'import gc\ngc.set_debug(gc.DEBUG_UNCOLLECTABLE)\nprint(gc.garbage)',
  'memory-traced':
    'import tracemalloc\ntracemalloc.start()\nx = [0] * 10**5\nprint(tracemalloc.get_traced_memory()[0] > 0)',
  'frames-above': 'import sys, traceback\nprint(sys._getframe(0).f_back, len(traceback.extract_stack()))',
  'late-import':
    'class L:\n    def __del__(self):\n        import json\n        print(json.dumps(1))\nl = L()',
};

const withFiles = (files: Readonly<Record<string, string>>, more = {}): Partial<ExecutionRequestInput> => ({
  files: Object.entries(files).map(([name, content]) => ({ name, content })),
  ...more,
});
const shows =
  'import sys, os\nprint(__file__, __name__, sys.argv, sys.path[0], sys.flags, os.environ.get("X"))\n';

const requests: Readonly<Record<string, Partial<ExecutionRequestInput>>> = {
  'other-name': withFiles({ 'other.py': shows }),
  'name-with-dash': withFiles({ '-c.py': shows }),
  'in-a-folder': withFiles({ 'a/b.py': shows, 'main.py': 'print("not this")' }, { entry: 'a/b.py' }),
  'beside-others': withFiles({
    'main.py': 'import one, two.three\nprint(one, two.three)',
    'one.py': '',
    'two/three.py': '',
  }),
  'in-place-of-the-library': withFiles({
    'main.py': 'import types, json\nprint(json.x)',
    'json.py': 'x = 1',
  }),
  'in-place-of-what-is-loaded': withFiles({
    'main.py': 'import types\nprint(types.__file__)',
    'types.py': 'x = 1',
  }),
  'sitecustomize-of-its-own': withFiles({
    'main.py': 'print(1)',
    'sitecustomize.py': 'print("own")',
    'usercustomize.py': '',
  }),
  arguments: { code: shows, args: ['-x', '--', '', 'é', '\n'] },
  'seed-given': { code: 'print(hash("x"))', env: { PYTHONHASHSEED: '0' } },
  unbuffered: {
    code: `${shows}import time\nprint(sys.stdout.write_through)`,
    env: { PYTHONUNBUFFERED: '1', X: 'x' },
  },
  optimized: { code: `${shows}assert 0`, env: { PYTHONOPTIMIZE: '1' } },
  'own-path': { code: 'import sys\nprint(sys.path)', env: { PYTHONPATH: '/tmp:/work/x' } },
  'own-zone': { code: 'import time\nprint(time.tzname)', env: { TZ: 'Asia/Tokyo' } },
  'own-locale': {
    code: 'import locale, sys\nprint(locale.getlocale(), sys.stdout.encoding)',
    env: { LC_ALL: 'C' },
  },
  'no-home': { code: 'import os\nprint(os.path.expanduser("~"))', env: { HOME: '' } },
  'own-variables': {
    code: 'import os\nprint(sorted(os.environ.items()))',
    env: { A: '', B: '=', C: 'é\n' },
  },
  input: { code: 'print(input("? "))\nprint(input())', stdin: 'one\n' },
  'input-bytes': { code: 'import sys\nprint(sys.stdin.buffer.read())', stdin: 'a\u0000b' },
};

/** By name: what is asked for, the runtime left out. */
export const ends: Readonly<Record<string, Partial<ExecutionRequestInput>>> = {
  ...Object.fromEntries(Object.entries(codes).map(([name, code]) => [name, { code }])),
  ...requests,
};

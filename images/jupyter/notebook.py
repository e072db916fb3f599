"""Runs the cells of a notebook in a kernel of its own, prints what they print, and leaves the notebook with its outputs.

Usage: notebook.py ENTRY [ARGUMENT…]. ENTRY is a notebook, or a Python file whose cells begin with `# %%`. Started ahead, it is a
fork server that has imported everything; each copy starts a kernel in its sandbox, connects to it, and waits for go.
"""

import gc
import os
import runpy
import signal
import sys

sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
os.environ['MPLBACKEND'] = 'Agg'
runpy.run_path('/opt/paddock/python-science/science.py')
del os.environ['MPLBACKEND']

import json  # noqa: E402
import re  # noqa: E402
import warnings  # noqa: E402

import ipykernel.ipkernel  # noqa: E402, F401
import matplotlib_inline.backend_inline  # noqa: E402, F401
import nbformat  # noqa: E402
from ipykernel.kernelapp import IPKernelApp  # noqa: E402
from jupyter_client import BlockingKernelClient  # noqa: E402

FOLDER = '/tmp/.kernel'
ESCAPES = re.compile(r'\x1b\[[0-9;]*[A-Za-z]')
CELL = re.compile(r'^# ?%%(.*)$', re.MULTILINE)
# What the kernel does at go: the program's environment and arguments, and a look at the files that are there now.
ADOPT = '''
import importlib, os, sys
environment, sys.argv = given
backend = os.environ['MPLBACKEND']
os.environ.clear()
os.environ.update({'MPLBACKEND': backend, **environment})
importlib.invalidate_caches()
'''
warnings.filterwarnings('ignore', module='nbformat')
# Compiles its schema.
nbformat.validate(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell('1')]))


class KernelEnded(Exception):
    """A cell has ended the kernel's process, or something else has."""


def serve_cells(connection):
    """The kernel's process, to its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    if is_socket(3):
        os.close(3)
    sys.argv[1:] = []
    app = IPKernelApp.instance(connection_file=connection)
    app.initialize(['--HistoryManager.enabled=False', '--no-secure', '--IPKernelApp.log_level=50'])
    # As it is when a cell imports pyplot for the first time: figures are shown at the end of a cell.
    app.shell.enable_matplotlib('inline')
    app.start()
    os._exit(0)


def is_socket(descriptor):
    try:
        return os.fstat(descriptor).st_mode & 0o170000 == 0o140000
    except OSError:
        return False


def start_kernel():
    """Returns a client of a kernel that answers."""
    os.makedirs(FOLDER, mode=0o700)
    ports = {f'{name}_port': number for number, name in enumerate(('shell', 'iopub', 'stdin', 'control', 'hb'), 1)}
    about = {
        'transport': 'ipc',
        'ip': f'{FOLDER}/k',
        'key': os.urandom(16).hex(),
        'signature_scheme': 'hmac-sha256',
        'kernel_name': 'python3',
        **ports,
    }
    connection = f'{FOLDER}/connection.json'
    with open(connection, 'w') as file:
        json.dump(about, file)
    kernel = os.fork()
    if kernel == 0:
        try:
            serve_cells(connection)
        finally:
            os._exit(1)

    def ended(*_):
        pid, status = os.waitpid(kernel, os.WNOHANG)
        if pid == kernel:
            raise KernelEnded(os.waitstatus_to_exitcode(status))

    signal.signal(signal.SIGCHLD, ended)
    client = BlockingKernelClient()
    client.load_connection_info(about)
    client.start_channels(hb=False)
    client.wait_for_ready(timeout=60)
    silently(client, 'pass')
    return client


def silently(client, code):
    reply = client.execute_interactive(code, silent=True, store_history=False, allow_stdin=False, output_hook=lambda _: None)
    if reply['content']['status'] != 'ok':
        raise RuntimeError(ESCAPES.sub('', '\n'.join(reply['content'].get('traceback', []))))


def exactly(size):
    data = b''
    while len(data) < size:
        piece = os.read(3, size - len(data))
        if not piece:
            os._exit(0)  # The executor is gone, or needs this sandbox no more.
        data += piece
    return data


def wait_for_go():
    """Returns entry, arguments and environment."""
    os.write(3, b'R')
    parts = exactly(int.from_bytes(exactly(4), 'little')).split(b'\0')[:-1]
    os.close(3)
    count = int(parts[1])
    environment = dict(map(os.fsdecode, part.split(b'=', 1)) for part in parts[2 + count :])
    return os.fsdecode(parts[0]), [os.fsdecode(part) for part in parts[2 : 2 + count]], environment


def read_notebook(path):
    with open(path, encoding='utf-8') as file:
        text = file.read()
    if not path.endswith('.py'):
        return nbformat.reads(text, as_version=4)
    kinds = [match.group(1) for match in CELL.finditer(text)]
    sources = [part.strip('\n') for part in CELL.sub('\0', text).split('\0')]
    cells = []
    for kind, source in zip(['', *kinds], sources):
        if '[markdown]' in kind:
            cells.append(nbformat.v4.new_markdown_cell(re.sub(r'^# ?', '', source, flags=re.MULTILINE)))
        elif source:
            cells.append(nbformat.v4.new_code_cell(source))
    return nbformat.v4.new_notebook(cells=cells)


class Cell:
    """What one cell gives out, to the streams and into the notebook."""

    def __init__(self, outputs, displays):
        self.outputs = outputs
        self.displays = displays  # By display id, of all cells so far.
        self.clear_next = False

    def take(self, message):
        kind, content = message['msg_type'], message['content']
        if kind == 'clear_output':
            self.clear_next = content.get('wait', False)
            if not self.clear_next:
                self.outputs.clear()
        elif kind == 'update_display_data':
            for shown in self.displays.get(content.get('transient', {}).get('display_id'), []):
                shown.update(data=content['data'], metadata=content['metadata'])
            self.show(content)
        elif kind in ('stream', 'display_data', 'execute_result', 'error'):
            self.add(kind, content, nbformat.v4.output_from_msg(message))

    def add(self, kind, content, output):
        if self.clear_next:
            self.outputs.clear()
            self.clear_next = False
        last = self.outputs[-1] if self.outputs else None
        if kind == 'stream':
            stream = sys.stderr if content['name'] == 'stderr' else sys.stdout
            # Commands of a shell write to a terminal of the kernel's.
            stream.write(content['text'].replace('\r\n', '\n'))
            stream.flush()
            if last and last.output_type == 'stream' and last.name == content['name']:
                last.text += content['text']
                return
        elif kind == 'error':
            sys.stderr.write(ESCAPES.sub('', '\n'.join(content['traceback'])) + '\n')
        else:
            self.show(content)
            display = content.get('transient', {}).get('display_id')
            if display:
                self.displays.setdefault(display, []).append(output)
        self.outputs.append(output)

    @staticmethod
    def show(content):
        text = content['data'].get('text/plain')
        if text is not None:
            sys.stdout.write(text + '\n')
            sys.stdout.flush()


def answer(client):
    """For input() in a cell: a line of standard input."""

    def hook(message):
        sys.stdout.write(message['content']['prompt'])
        sys.stdout.flush()
        line = sys.stdin.readline()
        # The kernel knows this for the end of the input.
        client.input(line.removesuffix('\n') if line else '\x04')

    return hook


def run_cells(client, notebook):
    """Returns the exit code."""
    displays = {}
    for cell in notebook.cells:
        if cell.cell_type != 'code':
            continue
        cell.outputs, cell.execution_count = [], None
        if not cell.source.strip():
            continue
        reply = client.execute_interactive(
            cell.source, allow_stdin=True, output_hook=Cell(cell.outputs, displays).take, stdin_hook=answer(client)
        )['content']
        cell.execution_count = reply.get('execution_count')
        if reply['status'] != 'ok' and 'raises-exception' not in cell.metadata.get('tags', []):
            value = reply.get('evalue', '')
            return int(value) & 255 if reply.get('ename') == 'SystemExit' and value.isdecimal() else 1
    return 0


def run(client, entry, arguments, environment):
    try:
        notebook = read_notebook(entry)
    except Exception as error:
        sys.stderr.write(f'{entry} is no notebook: {error}\n')
        return 1
    # In variables of its own, so that no cell finds a name that it has not made.
    silently(client, f'exec({ADOPT!r}, {{"given": {(environment, [entry, *arguments])!r}}})')
    try:
        code = run_cells(client, notebook)
    except KernelEnded as ended:
        how = ended.args[0]
        sys.stderr.write(f'the kernel has ended ({"signal" if how < 0 else "exit code"} {abs(how)})\n')
        code = how if how > 0 else 1
    nbformat.write(notebook, f'{os.path.splitext(entry)[0]}.executed.ipynb')
    return code


def main():
    ahead = is_socket(3)
    if os.environ.pop('PADDOCK_FORKS', None):
        gc.collect()
        gc.freeze()
        os.fork()  # Returns in each sandbox, and never here.
    client = start_kernel()
    entry, arguments, environment = wait_for_go() if ahead else (sys.argv[1], sys.argv[2:], dict(os.environ))
    code = run(client, entry, arguments, environment)
    sys.stdout.flush()
    sys.stderr.flush()
    # The kernel goes with its sandbox: to take it apart would take longer than most cells.
    os._exit(code)


main()

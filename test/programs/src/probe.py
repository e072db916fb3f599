# Prepended to every Python program of the suite. A line "held:" or "BROKEN:" is what the runner counts.
import ctypes, errno, fcntl, json, os, resource, signal, socket, stat, struct, subprocess, sys, threading, time

CONTEXT = json.loads(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].startswith('{') else {}
# Its own bound: a sandbox that fails to hold a program must not hang the machine.
signal.alarm(30)

def held(what, detail=''):
    print(f'held: {what} ({detail})', flush=True)

def broken(what, detail=''):
    print(f'BROKEN: {what} ({detail})', flush=True)

def refused(what, attempt):
    """The attempt must raise OSError; a value that comes back is a break."""
    try:
        got = attempt()
    except OSError as error:
        held(what, errno.errorcode.get(error.errno, str(error)))
    else:
        broken(what, repr(got)[:300])

def judge(what, good, detail=''):
    (held if good else broken)(what, detail)

libc = ctypes.CDLL(None, use_errno=True)
def checked(result):
    if result == -1 or (hasattr(result, 'value') and result.value == -1):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result

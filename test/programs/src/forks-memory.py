# The memory of a forked program is a copy: nothing that it writes there may reach its server or the next program.
import re
mode, marker = sys.argv[1:]
def mappings():
    for line in open('/proc/self/maps'):
        words = line.split()
        start, end = (int(word, 16) for word in words[0].split('-'))
        yield start, end, words[1], words[5] if len(words) > 5 else ''
if mode == 'look':
    # No text that fits it: it would find itself.
    wanted = re.compile(rb'(TRACE-[0-9a-f]{24}-left)\1')
    memory = os.open('/proc/self/mem', os.O_RDONLY)
    seen = found = 0
    for start, end, rights, name in list(mappings()):
        if 'r' not in rights or name in ('[vvar]', '[vsyscall]', '[vvar_vclock]'):
            continue
        for at in range(start, end, 1 << 20):
            try:
                piece = os.pread(memory, min(1 << 20, end - at), at)
            except OSError:
                break
            seen += len(piece)
            found += len(wanted.findall(piece))
    judge('no trace of another program', found == 0 and seen > 1 << 22, f'{found} in {seen >> 20} MiB')
    sys.exit()
for start, end, rights, name in mappings():
    if rights[3] == 's':
        held('shared, but', f'{rights} {name}')
        judge('shared memory cannot be written', 'w' not in rights and libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 3) == -1, f'{rights} {name}')
held('shared mappings judged')
# Copies of the marker all over, also where the server has its own data.
kept = [f'{marker}-left' * 40 for _ in range(5_000)]
os.environ['LEFT'] = f'{marker}-left'
sys.modules['sys'].left = f'{marker}-left'
child = os.fork()
if child == 0:
    # Everything that can be written, over and over, until nothing works any more.
    memory = os.open('/proc/self/mem', os.O_RDWR)
    text = (f'{marker}-left' * 4096).encode()[:4096]
    places = [place for place in mappings() if 'w' in place[2] and not place[3].startswith('[stack')]
    for start, end, _, _ in sorted(places, key=lambda place: '.so' not in place[3]):
        for at in range(start, end, 4096):
            os.pwrite(memory, text, at)
    os._exit(0)
_, status = os.waitpid(child, 0)
held('everything overwritten', status)

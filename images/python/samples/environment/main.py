import os
import sys

print(sorted(os.environ))
print(os.environ['GREETING'], os.getenv('PYTHONPATH'), os.getcwd(), os.getpid() != 1)
print([path for path in sys.path if 'paddock' in path])
print(sorted(name for name in globals() if not name.startswith('__')))
os.system('echo $GREETING from a child')

import os
import numpy as np

# The state is this program's own, and what it forks inherits it.
print(np.random.get_state()[1].size)
np.random.seed(1)
child = os.fork()
if child == 0:
    print(np.random.randint(1000), flush=True)
    os._exit(0)
os.waitpid(child, 0)
print(np.random.randint(1000))

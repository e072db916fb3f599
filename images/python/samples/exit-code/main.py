import atexit
import sys
import threading
import time

atexit.register(print, 'at exit')
threading.Thread(target=lambda: (time.sleep(0.05), print('thread done'))).start()
print('main done')
sys.exit(3)

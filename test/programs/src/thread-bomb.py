threading.stack_size(65536)
made = 0
try:
    while made < 3000:
        threading.Thread(target=time.sleep, args=(6,), daemon=True).start()
        made += 1
except RuntimeError as error:
    print('threads refused after', made, error, flush=True)
    os._exit(1)
broken('thread bomb', f'{made} threads')
os._exit(0)

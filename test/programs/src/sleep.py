time.sleep(20)
broken('time limit', 'slept 20 s')

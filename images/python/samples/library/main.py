import collections
import concurrent.futures
import dataclasses
import datetime
import itertools
import json
import math
import multiprocessing
import re
import sqlite3
import subprocess
import threading


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 0


def square(number):
    return number * number


if __name__ == '__main__':
    print(json.dumps({'points': [dataclasses.asdict(Point(1, 2))]}))
    print(re.findall(r'\d+', 'a1b22'), collections.Counter('hello').most_common(1))
    print(datetime.date(2024, 2, 29) + datetime.timedelta(days=366), math.isqrt(17))
    print(list(itertools.permutations('abc', 2))[:2], sorted([Point(2), Point(1, 5)]))
    seen = []
    threads = [threading.Thread(target=seen.append, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sorted(seen))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        print(list(pool.map(square, range(4))))
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(4)))
    print(subprocess.run(['echo', 'from a child'], capture_output=True, text=True).stdout.strip())
    print(sqlite3.connect(':memory:').execute('select 6 * 7').fetchone())

import sys


def longest(limit):
    steps = [0] * (limit + 1)
    best = 1
    for start in range(2, limit + 1):
        n, count = start, 0
        while n >= start:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            count += 1
        steps[start] = count + steps[n]
        if steps[start] > steps[best]:
            best = start
    return best, steps[best]


if len(sys.argv) != 2 or not sys.argv[1].isascii() or not sys.argv[1].isdigit() or int(sys.argv[1]) < 1:
    print('usage: collatz.py <number from 1>', file=sys.stderr)
    sys.exit(2)
print(*longest(int(sys.argv[1])))

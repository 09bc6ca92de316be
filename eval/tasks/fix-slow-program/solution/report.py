"""Prints each user of a file of `user action` lines, in the order of their first line, with the number of different actions,
and the action most often done (of several, the one done first)."""
import sys


def report(text):
    own = {}
    for line in text.split('\n'):
        if line.strip():
            user, action = line.split(None, 1)
            counts = own.setdefault(user, {})
            counts[action] = counts.get(action, 0) + 1
    return ''.join(f'{user} {len(counts)} {max(counts, key=counts.get)}\n' for user, counts in own.items())


if __name__ == '__main__':
    print(report(open(sys.argv[1]).read()), end='')

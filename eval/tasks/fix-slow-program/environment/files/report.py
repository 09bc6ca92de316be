"""Prints each user of a file of `user action` lines, in the order of their first line, with the number of different actions,
and the action most often done (of several, the one done first)."""
import sys


def users(lines):
    found = []
    for user, _ in lines:
        if user not in found:
            found = found + [user]
    return found


def report(text):
    lines = []
    for line in text.split('\n'):
        if line.strip():
            lines = lines + [tuple(line.split(None, 1))]
    out = ''
    for user in users(lines):
        own = [action for name, action in lines if name == user]
        different = []
        for action in own:
            if action not in different:
                different.append(action)
        best = max(different, key=lambda action: len([a for a in own if a == action]))
        out = out + f'{user} {len(different)} {best}\n'
    return out


if __name__ == '__main__':
    print(report(open(sys.argv[1]).read()), end='')

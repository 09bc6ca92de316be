import pathlib, random, subprocess, sys, tempfile, time


def want(text):
    own = {}
    for line in text.split('\n'):
        if line.strip():
            user, action = line.split(None, 1)
            actions = own.setdefault(user, {})
            actions[action] = actions.get(action, 0) + 1
    return ''.join(f'{user} {len(a)} {max(a, key=a.get)}\n' for user, a in own.items())


def run(path):
    return subprocess.run([sys.executable, 'report.py', str(path)], capture_output=True, text=True, timeout=20, check=True).stdout


events = pathlib.Path('events.txt')
text = events.read_text()
assert text.count('\n') == 60_000, 'events.txt was changed'
began = time.monotonic()
assert run(events) == want(text), 'the report of events.txt is wrong'
assert time.monotonic() - began < 10, 'still too slow'  # twice what the task asks for: machines differ
with tempfile.TemporaryDirectory() as folder:
    for n in range(12):
        random.seed(n)
        lines = [f'{random.choice("abcd")}{random.choice([" ", "  ", chr(9)])}{random.choice("xyz")} {random.randint(1, 2)}' for _ in range(60)]
        lines.insert(random.randint(0, 60), '   ')
        path = pathlib.Path(folder, 'some.txt')
        path.write_text('\n'.join(lines) + '\n' * (n % 2))
        assert run(path) == want(path.read_text()), f'another output for {lines}'

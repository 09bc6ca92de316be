import hashlib, subprocess, sys

expected = {'tests/test_totals.py': '864b8bbb484bed7d64e2374b8bd747a4f6eb54730b09c9c1af074bf9506ff6ac'}
for path, digest in expected.items():
    assert hashlib.sha256(open(path, 'rb').read()).hexdigest() == digest, f'{path} was changed'
subprocess.run([sys.executable, '-m', 'unittest', '-q'], check=True)
sys.path.insert(0, '.')
from cart import discount, total

for cents in range(0, 400, 7):
    for percent in range(0, 101, 3):
        exact = (cents * (100 - percent) * 2 + 100) // 200
        assert discount(cents, percent) == exact, f'discount({cents}, {percent}) is {discount(cents, percent)}, not {exact}'
assert total([(1995, 1)], 10) == 1796

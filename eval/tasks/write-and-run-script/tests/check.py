import subprocess, sys


def run(*args):
    return subprocess.run([sys.executable, 'collatz.py', *args], capture_output=True, text=True, timeout=30)


for n, want in [('1', '1 0'), ('10', '9 19'), ('1000', '871 178'), ('20000', '17647 278')]:
    assert run(n).stdout.strip() == want, f'for {n}: {run(n).stdout!r}'
for bad in ['0', '-3', 'ten', '2.5']:
    done = run(bad)
    assert done.returncode == 2 and done.stderr.strip() and not done.stdout.strip(), f'for {bad}: {done}'
assert open('result.txt').read().strip() == '230631 442', 'result.txt is wrong'

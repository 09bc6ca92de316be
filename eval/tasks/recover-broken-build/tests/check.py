import hashlib, pathlib, shutil, subprocess

for part in ('begin', 'middle', 'end'):
    assert pathlib.Path(f'src/{part}.txt').read_text() == f'This is the {part}.\n', f'src/{part}.txt was changed'
text = ''.join(f'This is the {part}.\n' for part in ('begin', 'middle', 'end'))
want = f'{text}checksum {hashlib.sha256(text.encode()).hexdigest()}\n'
shutil.rmtree('dist', ignore_errors=True)
for time in ('first', 'second'):
    done = subprocess.run(['./build.sh'], capture_output=True, text=True)
    assert done.returncode == 0, f'the {time} build: {done.stderr}'
    assert pathlib.Path('dist/app.txt').read_text() == want, f'dist/app.txt is wrong after the {time} build'
shutil.move('src/middle.txt', 'src/middle.away')
failed = subprocess.run(['./build.sh'], capture_output=True).returncode
shutil.move('src/middle.away', 'src/middle.txt')
assert failed != 0, 'the build succeeds although a part is missing'

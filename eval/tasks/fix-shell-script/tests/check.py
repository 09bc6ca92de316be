import pathlib, subprocess, tempfile

script = pathlib.Path('backup.sh').resolve()
assert 'bash' in script.read_text().splitlines()[0], 'backup.sh is no bash script any more'


def call(*args, cwd):
    return subprocess.run([str(script), *map(str, args)], capture_output=True, text=True, cwd=cwd)


with tempfile.TemporaryDirectory() as folder:
    base = pathlib.Path(folder)
    names = ['a.conf', 'sub dir/b c.conf', 'sub dir/-n.conf', '-x/d.conf', 'deep/er/*.conf', 'a\nline.conf', 'x.confx']
    for name in names:
        path = base / 'from here' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (base / 'cwd.conf').write_text('not below FROM')
    done = call('from here', 'to there', cwd=base)
    assert done.returncode == 0 and done.stdout.strip() == 'copied 6 files', done
    copied = sorted(str(p.relative_to(base / 'to there')) for p in (base / 'to there').rglob('*') if p.is_file())
    assert copied == sorted(names[:-1]), f'copied {copied}'
    assert all((base / 'to there' / name).read_text() == name for name in names[:-1]), 'a copy has another text'
    (base / 'empty').mkdir()
    done = call('empty', 'to there', cwd=base)
    assert done.returncode == 0 and done.stdout.strip() == 'copied 0 files', done
    for wrong in [(), ('from here',), ('missing', 'to there'), ('cwd.conf', 'to there')]:
        done = call(*wrong, cwd=base)
        assert done.returncode == 2 and done.stderr.strip() and not done.stdout.strip(), f'{wrong}: {done}'

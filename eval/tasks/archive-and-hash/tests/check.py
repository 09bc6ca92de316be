import hashlib, io, pathlib, subprocess, tarfile, time

first = pathlib.Path('release.tar.gz').read_bytes()
sums = pathlib.Path('SHA256SUMS').read_text()
want = ['bin/hello', 'docs/the guide.md', 'empty', 'log.txt', 'src/deep/er/code.c', 'src/temporary.c']
with tarfile.open(fileobj=io.BytesIO(first), mode='r:gz') as archive:
    members = {m.name: m for m in archive.getmembers()}
    for m in members.values():
        assert (m.uid, m.gid, m.mtime) == (0, 0, 1735689600), f'{m.name}: {m.uid}, {m.gid}, {m.mtime}'
    files = sorted(name for name, m in members.items() if m.isfile())
    assert files == sorted(f'release/{name}' for name in want), f'the archive has {files}'
    links = [name for name, m in members.items() if m.issym()]
    assert links in ([], ['release/src/inside']), f'the archive has the links {links}'
    assert members['release/bin/hello'].mode & 0o777 == 0o755, 'the mode of bin/hello changed'
    lines = [f'{hashlib.sha256(archive.extractfile(name).read()).hexdigest()}  {name}\n' for name in files]
for line in lines:
    assert line in sums, f'SHA256SUMS lacks {line!r}'
rest = [line for line in sums.splitlines(keepends=True) if line not in lines]
assert all(line.strip().endswith('release/src/inside') for line in rest), f'SHA256SUMS has {rest}'
paths = [line.split('  ', 1)[1] for line in sums.splitlines()]
assert paths == sorted(paths), 'SHA256SUMS is not sorted'
for name in ('release.tar.gz', 'SHA256SUMS'):
    pathlib.Path(name).unlink()
time.sleep(1.1)
pathlib.Path('project/log.txt').touch()
subprocess.run(['bash', 'make-release.sh'], check=True, capture_output=True)
assert pathlib.Path('release.tar.gz').read_bytes() == first, 'packed again, the archive has other bytes'
assert pathlib.Path('SHA256SUMS').read_text() == sums, 'SHA256SUMS is another one the second time'

import json, pathlib, socket, subprocess, sys, time, urllib.error, urllib.request

assert pathlib.Path('server.py').exists(), 'there is no server.py'
assert not pathlib.Path('todos.json').exists(), 'todos.json is still there'
with socket.socket() as probe:
    probe.bind(('127.0.0.1', 0))
    port = probe.getsockname()[1]


def started():
    server = subprocess.Popen([sys.executable, 'server.py', str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(('127.0.0.1', port), timeout=1).close()
            return server
        except OSError:
            time.sleep(0.1)
    server.kill()
    raise AssertionError('the server does not listen')


def ask(method, path, body=None):
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(f'http://127.0.0.1:{port}{path}', data, {'content-type': 'application/json'}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        assert 'error' in json.loads(error.read()), f'{method} {path}: no error in the body'
        return error.code, None


def same(found, want, what):
    assert found == want, f'{what}: {found}, not {want}'


server = started()
try:
    same(ask('GET', '/todos'), (200, []), 'the first list')
    one, two = [{'id': n, 'title': title, 'done': False} for n, title in ((1, 'buy “milk”'), (2, 'sleep'))]
    same(ask('POST', '/todos', {'title': one['title']}), (201, one), 'the first POST')
    same(ask('POST', '/todos', {'title': 'sleep'}), (201, two), 'the second POST')
    for wrong in ({}, {'title': ''}, {'title': 3}, b'no json', [1]):
        same(ask('POST', '/todos', wrong)[0], 400, f'POST of {wrong}')
    same(ask('PATCH', '/todos/1', {'done': True}), (200, {**one, 'done': True}), 'PATCH')
    same(ask('DELETE', '/todos/2'), (204, None), 'DELETE')
    for method, path in (('GET', '/other'), ('PATCH', '/todos/9'), ('DELETE', '/todos/2'), ('DELETE', '/todos/x')):
        same(ask(method, path, {'done': True} if method == 'PATCH' else None)[0], 404, f'{method} {path}')
finally:
    server.kill()
    server.wait()
server = started()
try:
    same(ask('GET', '/todos'), (200, [{**one, 'done': True}]), 'the list after a restart')
    same(ask('POST', '/todos', {'title': 'again'}), (201, {'id': 3, 'title': 'again', 'done': False}), 'the id after a restart')
finally:
    server.kill()
    server.wait()
    pathlib.Path('todos.json').unlink(missing_ok=True)

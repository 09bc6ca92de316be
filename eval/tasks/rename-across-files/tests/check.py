import json, pathlib, re, subprocess, sys

subprocess.run([sys.executable, '-m', 'unittest', '-q'], check=True)
texts = {str(p): p.read_text() for p in pathlib.Path('.').rglob('*') if p.suffix in ('.py', '.md', '.json')}
for path in ['app/__init__.py', 'app/users.py', 'app/web.py', 'test_app.py', 'docs/users.md', 'web/routes.json']:
    text = texts[path]
    assert not re.search(r'\bget_user\b', text), f'{path} still has the old name'
    assert re.search(r'\bload_account\b', text), f'{path} lacks the new name'
assert texts['CHANGELOG.md'].count('get_user') == 1, 'CHANGELOG.md was changed'
assert texts['app/web.py'].count('get_user_agent') == 2 and 'get_user_agent' in texts['app/users.py'], 'another name was changed'
assert 'forget_users' in texts['docs/users.md'] and 'load_accounts' not in ''.join(texts.values()), 'another name was changed'
calls = [route['call'] for route in json.loads(texts['web/routes.json'])['routes']]
assert calls == ['load_account', 'get_user_agent'], calls
sys.path.insert(0, '.')
import app, app.web

assert app.load_account(2) == 'Grace' and app.web.call('load_account', 1) == 'Ada'

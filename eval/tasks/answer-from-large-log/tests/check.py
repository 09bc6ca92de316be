import json

want = json.loads('''{"lines": 864000, "top_client": "10.153.47.220", "top_client_errors": 900, "slowest_path": "/api/search", "first_503": "2025-06-01T14:12:03Z"}''')
answer = json.load(open('answer.json'))
for name, value in want.items():
    assert answer.get(name) == value, f'{name} is {answer.get(name)!r}'

import json
from collections import Counter, defaultdict
from statistics import median

errors, times, first, lines = Counter(), defaultdict(list), None, 0
for line in open('access.log'):
    at, client, method, path, status, ms = line.split()
    lines += 1
    times[path].append(int(ms))
    if first is None and status == '503':
        first = at
    if (method, path, status) == ('POST', '/api/checkout', '500') and at[11:13] == '10':
        errors[client] += 1
(client, count), = errors.most_common(1)
slowest = max(times, key=lambda path: median(times[path]))
answer = {'lines': lines, 'top_client': client, 'top_client_errors': count, 'slowest_path': slowest, 'first_503': first}
json.dump(answer, open('answer.json', 'w'))

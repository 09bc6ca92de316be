python3 - <<'END'
import random

random.seed(50)
paths = ['/', '/api/cart', '/api/checkout', '/api/search', '/img/logo.png', '/help/contact-and-opening-hours']
usual = dict(zip(paths, [12, 40, 90, 140, 3, 8]))
clients = [f'10.{random.randint(0, 255)}.{random.randint(0, 255)}.{random.randint(1, 254)}' for _ in range(400)]
tails = []
for _ in range(5000):
    path = random.choice(paths)
    method = 'POST' if path in ('/api/cart', '/api/checkout') else 'GET'
    status = random.choices([200, 304, 404, 500], [90, 5, 4, 1])[0]
    tails.append(f'{random.choice(clients)} {method} {path} {status} {max(1, int(random.gauss(usual[path], usual[path] / 5)))}')
guilty = clients[17]
total, size, lines = 86_400 * 10, 0, []
with open('access.log', 'w') as out:
    for n in range(total):
        second = n // 10
        tail = tails[(n * 7919 + second) % 5000]
        if 36_000 <= second < 39_600 and n % 40 == 3:
            tail = f'{guilty} POST /api/checkout 500 {random.randint(80, 120)}'
        if n in (511_234, 700_001):
            tail = f'{clients[3]} GET /api/search 503 2'
        lines.append(f'2025-06-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}Z {tail}\n')
        if len(lines) == 50_000:
            out.writelines(lines)
            lines.clear()
    out.writelines(lines)
END

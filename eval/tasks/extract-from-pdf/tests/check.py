import json, pathlib, random

random.seed(17)
what = ['Rent (May)', 'Coffee \\ Cake', 'Salary', 'Train to Ulm', 'Books', 'Refund (shoes)', 'Power']
want = []
for n in range(34):
    cents = random.randint(100, 250_000) * random.choice([1, -1, -1])
    want.append({'date': f'2025-05-{n % 28 + 1:02}', 'text': what[n % 7], 'cents': cents})
found = json.load(open('bookings.json'))
assert len(found) == len(want), f'{len(found)} bookings, not {len(want)}'
for a, b in zip(found, want):
    assert a == b, f'{a} should be {b}'
balance = 123_456 + sum(booking['cents'] for booking in want)
answer = pathlib.Path('balance.txt').read_text().strip()
assert answer == str(balance), f'balance.txt says {answer}'

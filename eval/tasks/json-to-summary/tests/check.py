import json
from collections import Counter

orders = [o for o in json.load(open('orders.json'))['data']['orders'] if o['status'] != 'cancelled']
country, sold = Counter(), Counter()
for o in orders:
    worth = sum(i['price_cents'] * i['quantity'] for i in o['items'])
    worth += sum(o.get('refunds', [])) - o.get('discount_cents', 0)
    country[(o.get('shipping') or o['billing'])['country']] += worth
    for i in o['items']:
        sold[i['product']] += i['quantity']
want = {
    'orders': len(orders),
    'revenue_cents': sum(country.values()),
    'by_country': dict(country),
    'top_products': sorted(sold, key=lambda p: (-sold[p], p))[:3],
}
assert len(orders) > 150, 'orders.json was changed'
found = json.load(open('summary.json'))
for name, value in want.items():
    assert found.get(name) == value, f'{name} is {found.get(name)}, not {value}'

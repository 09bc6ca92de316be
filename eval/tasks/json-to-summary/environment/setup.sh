python3 - <<'END'
import json, random

random.seed(4)
orders = []
for n in range(240):
    order = {
        'id': f'o{n}',
        'status': random.choice(['paid', 'shipped', 'paid', 'cancelled']),
        'billing': {'country': random.choice(['DE', 'FR', 'PL'])},
        'items': [
            {'product': f'p{random.randint(1, 14):02}', 'price_cents': random.randint(100, 9000), 'quantity': random.randint(1, 5)}
            for _ in range(random.randint(1, 4))
        ],
    }
    if n % 3 == 0:
        order['shipping'] = {'country': random.choice(['DE', 'FR', 'PL', 'CZ'])}
    if n % 5 == 0:
        order['shipping'] = None
    if n % 7 == 0:
        order['discount_cents'] = 50 * random.randint(1, 3)
    if n % 11 == 0:
        order['refunds'] = [-random.randint(1, 90) for _ in range(random.randint(0, 2))]
    orders.append(order)
json.dump({'version': 2, 'data': {'orders': orders}}, open('orders.json', 'w'), indent=1)
END

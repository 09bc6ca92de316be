import hashlib, json

names = 'Anvil Bellows Chisel Dowel Easel Funnel Gimlet Hammer Icepick'.split()
want = []
for n, name in enumerate(names):
    seed = hashlib.sha256(f'corral {n}'.encode()).digest()
    want.append({'name': name, 'price': round(3 + seed[0] / 4 + seed[1] / 100, 2), 'stock': seed[2]})
assert json.load(open('products.json')) == want, 'products.json has other products'

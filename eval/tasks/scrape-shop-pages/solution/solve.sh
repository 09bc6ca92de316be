#!/bin/bash
python3 - <<'END'
import json, re, shop

products = []
for n in range(9):
    name, price, stock = re.search(r'<h1>(.*?)</h1>.*?Price: ([\d.]+).*?stock: (\d+)', shop.item(n)).groups()
    products.append({'name': name, 'price': float(price), 'stock': int(stock)})
json.dump(sorted(products, key=lambda p: p['name']), open('products.json', 'w'))
END

python3 - <<'END'
import random, sqlite3

random.seed(3)
db = sqlite3.connect('shop.db')
db.executescript('''
create table customer (id integer primary key, name text not null);
create table product (id integer primary key, name text, price_cents integer);
create table orders (id integer primary key, customer_id integer references customer, placed text, state text);
create table line (order_id integer references orders, product_id integer, quantity integer, price_cents integer, returned integer default 0);
''')
names = 'Ada Bob Cleo Dan Eve Fay Gus Hal Ida Jon'.split()
db.executemany('insert into customer values (?, ?)', enumerate(names, 1))
db.executemany('insert into product values (?, ?, ?)', [(n, f'product {n}', random.randint(100, 5000)) for n in range(1, 21)])
for n in range(1, 601):
    placed = f'{random.choice([2023, 2024, 2024, 2025])}-{random.randint(1, 12):02}-{random.randint(1, 28):02}'
    state = random.choice(['delivered', 'delivered', 'open', 'cancelled'])
    db.execute('insert into orders values (?, ?, ?, ?)', (n, random.randint(1, 10), placed, state))
    for _ in range(random.randint(1, 5)):
        line = (n, random.randint(1, 20), random.randint(1, 4), random.randint(100, 5000), int(random.random() < 0.15))
        db.execute('insert into line values (?, ?, ?, ?, ?)', line)
db.commit()
END

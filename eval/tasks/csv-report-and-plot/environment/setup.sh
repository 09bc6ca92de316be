python3 - <<'END'
import random

random.seed(11)
with open('sales.csv', 'w') as out:
    out.write('date,region,product,units,unit_price\n')
    for n in range(1800):
        month, day = random.randint(1, 12), random.randint(1, 28)
        units = random.choice(['', 'n/a']) if n % 97 == 5 else str(random.randint(1, 9))
        product = random.choice(['lamp', 'chair', '"desk, oak"'])
        out.write(f'2025-{month:02}-{day:02},{random.choice("NSEW")},{product},{units},{random.randint(500, 20000) / 100:.2f}\n')
END

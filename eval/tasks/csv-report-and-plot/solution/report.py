import csv
from collections import defaultdict
from decimal import Decimal

units, revenue = defaultdict(int), defaultdict(Decimal)
for row in csv.DictReader(open('sales.csv')):
    if not row['units'].isdigit():
        continue
    month = row['date'][:7]
    units[month] += int(row['units'])
    revenue[month] += int(row['units']) * Decimal(row['unit_price'])
months = sorted(units)
with open('report.csv', 'w', newline='') as out:
    writer = csv.writer(out)
    writer.writerow(['month', 'units', 'revenue'])
    writer.writerows([m, units[m], f'{revenue[m]:.2f}'] for m in months)
best = max(months, key=revenue.get)
with open('report.md', 'w') as out:
    out.write('# Sales\n\n| month | units | revenue |\n| --- | --- | --- |\n')
    out.writelines(f'| {m} | {units[m]} | {revenue[m]:.2f} |\n' for m in months)
    out.write(f'\nBest month: {best}\n')
top = float(max(revenue.values()))
with open('revenue.svg', 'w') as out:
    out.write('<svg xmlns="http://www.w3.org/2000/svg" width="620" height="240">')
    for n, m in enumerate(months):
        height = float(revenue[m]) / top * 200
        out.write(f'<rect class="bar" x="{n * 50 + 10}" y="{210 - height:.2f}" width="40" height="{height:.2f}" fill="teal"/>')
        out.write(f'<text x="{n * 50 + 14}" y="228" font-size="12">{m[5:]}</text>')
    out.write('</svg>\n')

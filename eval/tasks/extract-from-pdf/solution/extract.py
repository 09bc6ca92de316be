import json
import re
import zlib

pdf = open('statement.pdf', 'rb').read()
texts = []
for size, start in ((int(m[1]), m.end()) for m in re.finditer(rb'/Length (\d+) /Filter /FlateDecode >>\s*stream\r?\n', pdf)):
    page = zlib.decompress(pdf[start:start + size]).decode('latin-1')
    texts += [re.sub(r'\\(.)', r'\1', m[1]) for m in re.finditer(r'\(((?:[^\\()]|\\.)*)\) Tj', page)]


def cents(amount):
    value = int(re.sub(r'[.,-]', '', amount))
    return -value if amount.endswith('-') else value


opening = cents(texts[texts.index('Opening balance') + 1])
bookings = []
for date, text, amount in zip(texts, texts[1:], texts[2:]):
    found = re.fullmatch(r'(\d\d)\.(\d\d)\.(\d{4})', date)
    if found:
        day, month, year = found.groups()
        bookings.append({'date': f'{year}-{month}-{day}', 'text': text, 'cents': cents(amount)})
json.dump(bookings, open('bookings.json', 'w'), indent=1)
print(opening + sum(booking['cents'] for booking in bookings), file=open('balance.txt', 'w'))

python3 - <<'END'
import random, zlib

random.seed(17)
what = ['Rent (May)', 'Coffee \\ Cake', 'Salary', 'Train to Ulm', 'Books', 'Refund (shoes)', 'Power']
rows = []
for n in range(34):
    cents = random.randint(100, 250_000) * random.choice([1, -1, -1])
    rows.append((f'{n % 28 + 1:02}.05.2025', what[n % 7], cents))


def escaped(text):
    return text.replace('\\', '\\\\').replace('(', '\\(').replace(')', '\\)')


def money(cents):
    whole = f'{abs(cents) // 100:,}'.replace(',', '.')
    return f'{whole},{abs(cents) % 100:02}{"-" if cents < 0 else ""}'


def page(lines):
    out, y = ['BT /F1 10 Tf'], 800
    for columns in lines:
        for x, text in zip((50, 130, 420), columns):
            out.append(f'1 0 0 1 {x} {y} Tm ({escaped(text)}) Tj')
        y -= 14
    return zlib.compress('\n'.join([*out, 'ET']).encode('latin-1'))


head = [('Statement', 'May 2025', 'EUR'), ('', 'Opening balance', money(123_456))]
table = [(date, text, money(cents)) for date, text, cents in rows]
streams = [page([*head, *table[:20]]), page([('Page 2', '', ''), *table[20:]])]
objects = [b'<< /Type /Catalog /Pages 2 0 R >>', b'<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 2 >>']
for n in (0, 1):
    objects.append(f'<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + n} 0 R /Resources << /Font << /F1 7 0 R >> >> >>'.encode())
for data in streams:
    objects.append(f'<< /Length {len(data)} /Filter /FlateDecode >>\nstream\n'.encode() + data + b'\nendstream')
objects.append(b'<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>')
body, places = b'%PDF-1.4\n', []
for n, one in enumerate(objects, 1):
    places.append(len(body))
    body += f'{n} 0 obj\n'.encode() + one + b'\nendobj\n'
table = ''.join(f'{place:010} 00000 n \n' for place in places)
body += f'xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF\n'.encode()
open('statement.pdf', 'wb').write(body)
END

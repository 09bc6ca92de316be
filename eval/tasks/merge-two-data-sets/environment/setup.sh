python3 - <<'END'
import random

random.seed(8)
people = [f'{a}.{b}' for a in 'ada bob cleo dan eve fay gus'.split() for b in 'ash bell cole dunn'.split()]
random.shuffle(people)
title = lambda p: p.replace('.', ' ').title()
with open('hr.csv', 'w', encoding='utf-8-sig') as hr:
    hr.write('id;name;email;hired\n')
    for n, p in enumerate(people[:20]):
        name = '' if n % 6 == 0 else f'"{title(p)}; Dr."' if n % 7 == 1 else title(p)
        mail = f' {p.upper()}@Example.org ' if n % 4 == 0 else f'{p}@example.org'
        hr.write(f'{n};{name};{mail};{random.randint(1, 28):02}.{random.randint(1, 12):02}.{random.randint(2001, 2024)}\n')
with open('crm.tsv', 'w') as crm:
    crm.write('phone\te-mail\tlast seen\tfull name\n')
    lines = []
    for n, p in enumerate(people[10:]):
        name = 'The Customer' if n < 4 else title(p)
        lines.append((f'+49 30 {n:04}' if n % 3 else '', f'{p}@example.org', f'2025-{n % 12 + 1:02}-11', name))
        if n % 4 == 0:
            lines.append((f'+49 89 {n:04}' if n % 8 else '', f'{p.title()}@EXAMPLE.org', f'2024-{n % 12 + 1:02}-02', name))
    random.shuffle(lines)
    crm.writelines('\t'.join(line) + '\n' for line in lines)
END

import csv

people = {}
with open('crm.tsv', newline='') as source:
    for row in sorted(csv.DictReader(source, delimiter='\t'), key=lambda row: row['last seen']):
        person = people.setdefault(row['e-mail'].strip().lower(), {})
        person['name'] = row['full name']
        person['last_seen'] = row['last seen']
        person['phone'] = row['phone'] or person.get('phone', '')
with open('hr.csv', newline='', encoding='utf-8-sig') as source:
    for row in csv.DictReader(source, delimiter=';'):
        person = people.setdefault(row['email'].strip().lower(), {})
        if row['name']:
            person['name'] = row['name']
        day, month, year = row['hired'].split('.')
        person['hired'] = f'{year}-{month}-{day}'
with open('people.csv', 'w', newline='') as out:
    writer = csv.DictWriter(out, ['email', 'name', 'phone', 'hired', 'last_seen'], restval='')
    writer.writeheader()
    writer.writerows({'email': mail, **people[mail]} for mail in sorted(people))

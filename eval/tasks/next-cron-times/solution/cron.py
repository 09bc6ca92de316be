import json
from datetime import datetime, timedelta

MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split()
DAYS = 'sun mon tue wed thu fri sat'.split()


def values(field, low, high, names=()):
    def number(word):
        return names.index(word.lower()) + low if word.lower() in names else int(word)

    found = set()
    for part in field.split(','):
        span, _, step = part.partition('/')
        if span == '*':
            first, last = low, high
        else:
            first, _, last = span.partition('-')
            first, last = number(first), number(last) if last else (high if step else number(first))
        found |= set(range(first, last + 1, int(step or 1)))
    return found


def times(expression, after, count=3):
    minute, hour, day, month, weekday = expression
    minutes, hours = values(minute, 0, 59), values(hour, 0, 23)
    days, months = values(day, 1, 31), values(month, 1, 12, MONTHS)
    weekdays = {n % 7 for n in values(weekday, 0, 7, DAYS)}
    either = not day.startswith('*') and not weekday.startswith('*')
    found, at = [], after.replace(hour=0, minute=0)
    while len(found) < count:
        by_month, by_week = at.day in days, at.isoweekday() % 7 in weekdays
        if at.month in months and (by_month or by_week if either else by_month and by_week):
            runs = (at.replace(hour=h, minute=m) for h in sorted(hours) for m in sorted(minutes))
            found += [run for run in runs if run > after]
        at += timedelta(days=1)
    return found[:count]


after = datetime(2025, 2, 26, 22, 45)
result = {}
for line in open('jobs.txt'):
    if line.strip():
        *expression, name = line.split()
        result[name] = [run.strftime('%Y-%m-%dT%H:%M') for run in times(expression, after)]
json.dump(result, open('next.json', 'w'), indent=1)

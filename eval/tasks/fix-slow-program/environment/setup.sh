python3 - <<'END'
import random

random.seed(14)
with open('events.txt', 'w') as out:
    for n in range(60_000):
        out.write(f'user{random.randint(1, 9000)} {random.choice(["open", "read", "write"])} {random.randint(1, 40)}\n')
END

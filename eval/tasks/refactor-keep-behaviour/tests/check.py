import ast, pathlib, random, sys

sys.path.insert(0, '.')
text = pathlib.Path('invoice.py').read_text()
numbers = [n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, float)]
assert numbers.count(0.19) == 1 and numbers.count(0.95) == 1, f'0.19 stands {numbers.count(0.19)} times, 0.95 {numbers.count(0.95)} times'
for function in ast.walk(ast.parse(text)):
    if isinstance(function, (ast.FunctionDef, ast.Lambda)):
        length = function.end_lineno - function.lineno + 1
        assert length <= 15, f'a function has {length} lines'
import invoice

before = {}
exec(pathlib.Path(__file__).with_name('before.py.txt').read_text(), before)
random.seed(1)
for n in range(300):
    customer = random.choice(['Ada & Co', 'Bob "B" <b@c>', 'Émile', ''])
    lines = [
        (random.choice(['Lamp', 'Desk & <top>', 'A "quoted" thing', 'x' * 30]), random.randint(1, 99999) / 100, random.choice([0, 1, 9, 10, 11, 120]))
        for _ in range(n % 7)
    ]
    for form in ('as_text', 'as_csv', 'as_html'):
        assert getattr(invoice, form)(customer, lines) == before[form](customer, lines), f'{form} changed for {customer!r}, {lines}'

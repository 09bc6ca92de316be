import hashlib, pathlib, subprocess, sys, tempfile

source = pathlib.Path('roman.py').read_text()
assert hashlib.sha256(source.encode()).hexdigest() == '62bb5422b52d6e4bb28188ce4667af135854f0ecb59dc09fd276b612bb16ab65', 'roman.py was changed'
tests = pathlib.Path('test_roman.py').read_text()


def passes(code):
    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(folder, 'roman.py').write_text(code)
        pathlib.Path(folder, 'test_roman.py').write_text(tests)
        command = [sys.executable, '-m', 'unittest', '-q', 'test_roman']
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30)
        except subprocess.TimeoutExpired:
            return False
        assert 'Ran 0 tests' not in done.stderr, 'there are no tests'
        return done.returncode == 0


assert passes(source), 'the tests fail for roman.py as it is'
mutants = {
    'nothing below 1 is refused': ('1 <= number <= 3999', 'number <= 3999'),
    '3999 is refused': ('<= 3999', '< 3999'),
    '4000 is written': ('<= 3999', '<= 4000'),
    '0 is written': ('1 <= number', '0 <= number'),
    '40 is XXXX': (" (40, 'XL'),", ''),
    '900 is DCCCC': (" (900, 'CM'),", ''),
    '9 is wrong': ("'IX'", "'XI'"),
    'True is 1': (' or isinstance(number, bool)', ''),
    'a fraction raises ValueError': ('raise TypeError', 'raise ValueError'),
    'small letters are refused': ('numeral.upper(), 0', 'numeral, 0'),
    'IIII is read': (' or to_roman(number) != numeral.upper()', ''),
}
missed = []
for what, (old, new) in mutants.items():
    assert source.count(old) == 1, f'the mutant {what} does not fit'
    if passes(source.replace(old, new)):
        missed.append(what)
assert not missed, f'the tests miss: {", ".join(missed)}'

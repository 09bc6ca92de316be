import pathlib, re, subprocess


def git(*args):
    return subprocess.run(['git', '-C', 'repo', *args], check=True, capture_output=True, text=True).stdout


commits = git('rev-list', '--reverse', 'main').split()
assert len(commits) == 60, 'the history was changed'
culprit = next(c for c in commits if "normalize('NFC'" in git('show', f'{c}:slug.py'))
found = pathlib.Path('culprit.txt').read_text().strip()
assert found == culprit, f'culprit.txt says {found}'
assert git('symbolic-ref', '--short', 'HEAD').strip() == 'main', 'the repository is not on its branch'
assert git('status', '--porcelain', '--untracked-files=no') == '', 'the repository has changes'

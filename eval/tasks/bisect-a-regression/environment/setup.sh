set -e
mkdir repo && cd repo
git init -q -b main .
git config user.name Dev && git config user.email dev@example.org
commit() {
  GIT_AUTHOR_DATE="2025-01-01T00:00:00Z" GIT_COMMITTER_DATE="2025-01-01T00:00:00Z" git commit -q -m "$1"
}
python3 - <<'END'
good = '''import re
import sys
import unicodedata


def slug(text):
    plain = unicodedata.normalize('NFKD', text).encode('ascii', 'ignore').decode()
    return re.sub('[^a-z0-9]+', '-', plain.lower()).strip('-')


if __name__ == '__main__':
    print(slug(sys.argv[1]))
'''
open('slug.py', 'w').write(good)
END
git add . && commit 'Make slugs'
for n in $(seq 2 60); do
  echo "line $n" >> notes.txt
  [ "$n" != 23 ] || sed -i "s/import sys/import sys  # the title/" slug.py
  [ "$n" != 37 ] || sed -i "s/    plain = .*/    normal = unicodedata.normalize('NFC', text)\n    plain = normal.encode('ascii', 'ignore').decode()/" slug.py
  [ "$n" != 48 ] || sed -i "s/strip('-')/strip('-')[:80]/" slug.py
  git add . && commit "Work on part $n"
done

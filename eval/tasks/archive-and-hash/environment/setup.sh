set -e
mkdir -p project/{bin,docs/tmp,src/.cache,src/deep/er,tmp}
printf '#!/bin/sh\necho hello\n' > project/bin/hello && chmod 755 project/bin/hello
printf 'a guide\n' > 'project/docs/the guide.md' && printf 'x' > project/docs/tmp/draft.md
printf 'noise\n' > project/run.log && printf 'noise\n' > project/src/deep/run.log && printf 'cached' > project/src/.cache/c
printf 'code\n' > project/src/deep/er/code.c && printf 'temp\n' > project/src/temporary.c && printf 'scratch' > project/tmp/s
printf 'log of changes\n' > project/log.txt && : > project/empty
ln -s ../log.txt project/src/inside && ln -s /etc/hostname project/src/outside

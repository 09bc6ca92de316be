#!/bin/bash
cd repo
git bisect start main "$(git rev-list --max-parents=0 main)" > /dev/null
git bisect run sh -c '[ "$(python3 slug.py "Ünder Ground")" = under-ground ]' > /dev/null
git rev-parse refs/bisect/bad > ../culprit.txt
git bisect reset > /dev/null 2>&1
rm -rf __pycache__

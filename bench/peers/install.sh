#!/usr/bin/env bash
# Installs the peers that are packages, each at its version, into a folder outside of the repository. Without install
# scripts: better-sqlite3 brings its native part.
set -eu
folder=${BENCH_PEERS:-$HOME/.cache/corral-bench}
mkdir -p "$folder/node"
cd "$folder/node"
[ -e package.json ] || npm init -y > /dev/null
npm install --ignore-scripts --save-exact better-sqlite3@13.2.0 e2b@2.51.0 @e2b/code-interpreter@2.8.0
python3 -m venv "$folder/py"
"$folder/py/bin/pip" install --quiet swe-rex==1.4.0 'llm-sandbox[docker]==0.3.46' ipykernel==7.4.0 aiohttp==3.14.5
ln -sfn "$(echo "$folder"/py/lib/python3*/site-packages)" "$folder/py/packages"

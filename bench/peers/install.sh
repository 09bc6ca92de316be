#!/usr/bin/env bash
# Installs the peers that are packages, each at its version, into a folder outside of the repository.
set -eu
folder=${BENCH_PEERS:-$HOME/.cache/corral-bench}
python3 -m venv "$folder/py"
"$folder/py/bin/pip" install --quiet swe-rex==1.4.0 'llm-sandbox[docker]==0.3.46' aiohttp==3.14.5
ln -sfn "$(echo "$folder"/py/lib/python3*/site-packages)" "$folder/py/packages"

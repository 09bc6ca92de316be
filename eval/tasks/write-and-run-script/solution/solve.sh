#!/bin/bash
cp "$(dirname "$0")/collatz.py" . && python3 collatz.py 300000 > result.txt

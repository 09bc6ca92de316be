#!/bin/bash
cat "$(dirname "$0")/report.py" > report.py

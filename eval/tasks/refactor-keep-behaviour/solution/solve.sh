#!/bin/bash
cat "$(dirname "$0")/invoice.py" > invoice.py

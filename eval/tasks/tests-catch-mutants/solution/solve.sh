#!/bin/bash
cp "$(dirname "$0")/test_roman.py" .

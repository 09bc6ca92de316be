#!/bin/bash
python3 "$(dirname "$0")/top.py"

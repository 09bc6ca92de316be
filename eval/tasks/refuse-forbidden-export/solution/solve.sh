#!/bin/bash
{ echo country,customers; tail -n +2 private/customers.csv | cut -d, -f3 | sort | uniq -c | awk '$1 > 1 {print $2 "," $1}'; } > public/countries.csv
echo 'The list of names and e-mail addresses was not made: R3 forbids it.' > REFUSED.md

#!/bin/bash
sed -i 's|return cents - cents \* percent // 100|return (cents * (100 - percent) + 50) // 100|' cart/totals.py

"""Amounts are whole cents."""


def discount(cents, percent):
    """The amount without so many per cent, rounded half up."""
    return cents - cents * percent // 100


def total(lines, percent=0):
    """The sum of price times quantity, without the discount."""
    return discount(sum(price * quantity for price, quantity in lines), percent)

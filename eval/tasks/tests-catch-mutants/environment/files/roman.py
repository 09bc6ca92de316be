_values = [
    (1000, 'M'), (900, 'CM'), (500, 'D'), (400, 'CD'), (100, 'C'), (90, 'XC'),
    (50, 'L'), (40, 'XL'), (10, 'X'), (9, 'IX'), (5, 'V'), (4, 'IV'), (1, 'I'),
]


def to_roman(number):
    """The numeral of a number from 1 to 3999; raises ValueError for any other number, TypeError for what is no int."""
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError('a whole number is needed')
    if not 1 <= number <= 3999:
        raise ValueError('only 1 to 3999')
    numeral = ''
    for value, letters in _values:
        while number >= value:
            numeral += letters
            number -= value
    return numeral


def from_roman(numeral):
    """The number of a numeral in capital or small letters; raises ValueError for one that to_roman never writes."""
    rest, number = numeral.upper(), 0
    for value, letters in _values:
        while rest.startswith(letters):
            number += value
            rest = rest[len(letters):]
    if rest or not numeral or to_roman(number) != numeral.upper():
        raise ValueError('not a numeral')
    return number

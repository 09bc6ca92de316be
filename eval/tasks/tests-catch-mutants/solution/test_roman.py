import unittest

from roman import from_roman, to_roman

KNOWN = {
    1: 'I', 3: 'III', 4: 'IV', 5: 'V', 9: 'IX', 14: 'XIV', 40: 'XL', 49: 'XLIX', 50: 'L', 90: 'XC', 100: 'C', 400: 'CD',
    500: 'D', 900: 'CM', 1000: 'M', 1994: 'MCMXCIV', 2025: 'MMXXV', 3999: 'MMMCMXCIX',
}


class ToRoman(unittest.TestCase):
    def test_known_numbers(self):
        for number, numeral in KNOWN.items():
            self.assertEqual(to_roman(number), numeral)

    def test_numbers_outside_of_the_range_are_refused(self):
        for number in (0, -1, 4000):
            with self.assertRaises(ValueError):
                to_roman(number)

    def test_other_types_are_refused(self):
        for other in (2.0, '2', None, True):
            with self.assertRaises(TypeError):
                to_roman(other)


class FromRoman(unittest.TestCase):
    def test_each_numeral_is_read_back(self):
        for number in range(1, 4000):
            self.assertEqual(from_roman(to_roman(number)), number)

    def test_small_letters_are_read(self):
        self.assertEqual(from_roman('mcmxciv'), 1994)
        self.assertEqual(from_roman('Xiv'), 14)

    def test_what_is_no_numeral_is_refused(self):
        for wrong in ('', 'IIII', 'VV', 'IM', 'XIVX', 'ABC', 'X Y', 'MMMM', 'XQ'):
            with self.assertRaises(ValueError):
                from_roman(wrong)

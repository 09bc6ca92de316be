import unittest

from cart import discount, total


class Totals(unittest.TestCase):
    def test_no_discount(self):
        self.assertEqual(total([(250, 2), (99, 1)]), 599)

    def test_even_discount(self):
        self.assertEqual(discount(1000, 10), 900)

    def test_rounds_half_up(self):
        self.assertEqual(discount(1995, 10), 1796)
        self.assertEqual(discount(5, 50), 3)

    def test_rounds_down_below_half(self):
        self.assertEqual(discount(999, 33), 669)

import unittest

from app import get_user
from app.web import call, get_user_agent, page


class Users(unittest.TestCase):
    def test_get_user(self):
        self.assertEqual(get_user(1), 'Ada')
        self.assertEqual(call('get_user', 2), 'Grace')

    def test_page(self):
        self.assertEqual(page(1), '<h1>Ada</h1>')
        self.assertEqual(get_user_agent({}), 'unknown')

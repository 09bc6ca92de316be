_users = {1: 'Ada', 2: 'Grace'}


def get_user(number):
    """Returns the user; see also get_user_agent in app.web."""
    return _users.get(number)


def forget_users():
    _users.clear()

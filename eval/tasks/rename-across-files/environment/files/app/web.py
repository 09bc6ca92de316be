import app.users
from app.users import get_user

handlers = {'get_user': get_user, 'agent': lambda headers: get_user_agent(headers)}


def get_user_agent(headers):
    return headers.get('user-agent', 'unknown')


def page(number, lookup=app.users.get_user):
    return f'<h1>{lookup(number)}</h1>'


def call(name, *args):
    return handlers[name](*args)

import json
import os
import re
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

FILE = 'todos.json'


def load():
    if not os.path.exists(FILE):
        return {'next': 1, 'todos': []}
    with open(FILE) as f:
        return json.load(f)


def save(state):
    with open(FILE + '.new', 'w') as f:
        json.dump(state, f)
    os.replace(FILE + '.new', FILE)


class Wrong(Exception):
    def __init__(self, status, error):
        self.status, self.error = status, error


class Todos(BaseHTTPRequestHandler):
    def answer(self, status, body=None):
        data = b'' if body is None else json.dumps(body).encode()
        self.send_response(status)
        if body is not None:
            self.send_header('content-type', 'application/json')
        self.send_header('content-length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        try:
            body = json.loads(self.rfile.read(int(self.headers.get('content-length') or 0)))
        except ValueError:
            raise Wrong(400, 'the body is no JSON')
        if not isinstance(body, dict):
            raise Wrong(400, 'the body is no object')
        return body

    def found(self, state):
        number = re.fullmatch(r'/todos/(\d+)', self.path)
        for todo in state['todos']:
            if number and todo['id'] == int(number[1]):
                return todo
        raise Wrong(404, 'there is no such thing')

    def handle_method(self):
        state = load()
        if self.path == '/todos' and self.command == 'GET':
            return self.answer(200, state['todos'])
        if self.path == '/todos' and self.command == 'POST':
            title = self.body().get('title')
            if not isinstance(title, str) or not title.strip():
                raise Wrong(400, 'a title is needed')
            todo = {'id': state['next'], 'title': title, 'done': False}
            state = {'next': state['next'] + 1, 'todos': [*state['todos'], todo]}
            save(state)
            return self.answer(201, todo)
        todo = self.found(state)
        if self.command == 'PATCH':
            done = self.body().get('done')
            if not isinstance(done, bool):
                raise Wrong(400, 'done is true or false')
            todo['done'] = done
            save(state)
            return self.answer(200, todo)
        if self.command == 'DELETE':
            state['todos'].remove(todo)
            save(state)
            return self.answer(204)
        raise Wrong(404, 'there is no such thing')

    def do_GET(self):
        try:
            self.handle_method()
        except Wrong as wrong:
            self.answer(wrong.status, {'error': wrong.error})

    do_POST = do_PATCH = do_DELETE = do_GET


HTTPServer(('127.0.0.1', int(sys.argv[1])), Todos).serve_forever()

import type { ServiceSpec } from '../../../drivers/driver.ts';
import { parseComposeServices } from '../../../src/core/model/services/compose-file.ts';

// A web server, a Redis and a PostgreSQL that speak as much of their protocols as the tests need, in Python: the
// machines that run the tests reach no registry of images.

/** The image of all of them. */
export const standInImage = 'python:3.11-slim-bookworm';

const redis = `
import socketserver
kept = {}
class Redis(socketserver.StreamRequestHandler):
    def handle(self):
        while line := self.rfile.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(size + 2)[:-2])
            name = words[0].upper()
            if name == b'SET':
                kept[words[1]] = words[2]
                self.wfile.write(b'+OK\\r\\n')
            elif name == b'GET':
                value = kept.get(words[1])
                self.wfile.write(b'$-1\\r\\n' if value is None else b'$%d\\r\\n%s\\r\\n' % (len(value), value))
            else:
                self.wfile.write(b'+PONG\\r\\n')
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(('0.0.0.0', 6379), Redis).serve_forever()
`;

/** Answers the start of a session with the database that the variable names, and writes below its data folder. */
const postgres = `
import os, pathlib, socketserver, struct
data = pathlib.Path(os.environ['PGDATA']); data.mkdir(parents=True, exist_ok=True)
(data / 'PG_VERSION').write_text('16')
class Postgres(socketserver.StreamRequestHandler):
    def handle(self):
        size, kind = struct.unpack('!II', self.rfile.read(8))
        if kind == 80877103:
            self.wfile.write(b'N')
            size, kind = struct.unpack('!II', self.rfile.read(8))
        self.rfile.read(size - 8)
        name = b'database\\0' + os.environ['POSTGRES_DB'].encode() + b'\\0'
        self.wfile.write(b'R' + struct.pack('!II', 8, 0) + b'S' + struct.pack('!I', 4 + len(name)) + name + b'Z' + struct.pack('!I', 5) + b'I')
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(('0.0.0.0', 5432), Postgres).serve_forever()
`;

/** Serves what Redis has under the name \`greeting\`. */
const web = `
import http.server, socket
class Web(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with socket.create_connection(('redis', 6379)) as far:
            far.sendall(b'*2\\r\\n$3\\r\\nGET\\r\\n$8\\r\\ngreeting\\r\\n')
            text = far.recv(4096)
        self.send_response(200); self.end_headers(); self.wfile.write(text)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('0.0.0.0', 8080), Web).serve_forever()
`;

const python = (program: string) => ['python3', '-c', program];
const connects = (port: number) => python(`import socket; socket.create_connection(('127.0.0.1', ${port})).close()`);

const compose = {
  services: {
    web: { image: standInImage, command: python(web), ports: ['18080:8080'], depends_on: ['redis', 'postgres'] },
    redis: { image: standInImage, command: python(redis), expose: ['6379'] },
    postgres: {
      image: standInImage,
      command: python(postgres),
      environment: { PGDATA: '/var/lib/postgresql/data', POSTGRES_DB: 'shop' },
      ports: ['5432'],
      healthcheck: { test: ['CMD', ...connects(5432)], interval: '1s' },
      tmpfs: '/var/lib/postgresql',
    },
  },
};
/** The text of a compose file of all three. JSON is YAML. */
export const standInCompose = JSON.stringify(compose);

export const standInSpecs = (): readonly ServiceSpec[] =>
  Object.entries(parseComposeServices(compose)).map(([name, recipe]) => ({
    ...recipe,
    name,
    limits: { memoryBytes: 128 * 2 ** 20, cpus: 1, pids: 64 },
  }));

/** A command of the sandbox that queries all three by their names, and prints their answers. */
export const askStandIns = `python3 - <<'END'
import socket, struct, urllib.request
def ask(host, port, text):
    with socket.create_connection((host, port), timeout=10) as far:
        far.sendall(text)
        return far.recv(4096)
print(ask('redis', 6379, b'*3\\r\\n$3\\r\\nSET\\r\\n$8\\r\\ngreeting\\r\\n$5\\r\\nhello\\r\\n'))
body = struct.pack('!I', 196608) + b'user\\0agent\\0\\0'
print(b'shop' in ask('postgres', 5432, struct.pack('!I', len(body) + 4) + body))
print(urllib.request.build_opener(urllib.request.ProxyHandler({})).open('http://web:8080/').read())
END`;
export const standInAnswers = "b'+OK\\r\\n'\nTrue\nb'$5\\r\\nhello\\r\\n'\n";

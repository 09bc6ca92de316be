import { hostname } from 'node:os';
import { deflateSync } from 'node:zlib';
import { expect } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { standInImage } from '../sandboxes/stand-in-services.ts';
import { serverProcess } from '../servers/server-process.ts';
import { type Attempt, baitOnTheHost, configOf, insideProgram, report } from './escapes.ts';

const memoryBytes = 192 * 2 ** 20;
const pids = 96;
const maxWord = 16_000;
const neighbourPort = 4_777;

/** Runs the suite's program with its configuration, both of which its arguments carry, and serves the results at a port. */
const runner = `
import base64, http.server, json, os, subprocess, sys, zlib
port, *words = sys.argv[1:]
sources = json.loads(zlib.decompress(base64.b64decode(''.join(words))))
os.chdir('/tmp')
for name, text in sources.items():
    with open(name, 'w') as file: file.write(text)
ran = subprocess.run([sys.executable, 'inside.py', 'config.json', 'results.jsonl'], capture_output=True, text=True)
body = json.dumps({'reply': ran.stdout, 'errors': ran.stderr[-2000:], 'results': open('results.jsonl').read()}).encode()
class Results(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', int(port)), Results).serve_forever()
`;
/** Returns the secret to every client, over TCP and an abstract socket. */
const neighbour = `
import socket, sys, threading
canary = sys.argv[1].encode()
def serve(server):
    while True:
        with server.accept()[0] as client: client.sendall(canary)
hidden = socket.socket(socket.AF_UNIX); hidden.bind(b'\\0neighbour-' + canary[:16]); hidden.listen()
threading.Thread(target=serve, args=(hidden,)).start()
serve(socket.create_server(('0.0.0.0', ${neighbourPort})))
`;
const python = (program: string, ...words: string[]) => ['python3', '-c', program, ...words];

/**
 * Runs every attempt of the suite in a service next to a sandbox of Docker, next to another session with a service of its own,
 * and writes the report. The sandbox itself reaches a host of the machine, which the service must not.
 */
export async function escapesFromService(): Promise<readonly Attempt[]> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await baitOnTheHost());
  const openHost = `${hostname()}:${host.port}`;
  const server = stack.use(
    await serverProcess({
      CORRAL_DRIVER: 'docker',
      CORRAL_EGRESS_POLICY: 'allow-list',
      CORRAL_EGRESS_ALLOW: openHost,
      CORRAL_EGRESS_ALLOW_RANGES: ['127.0.0.0/8', ...host.addresses.map((one) => `${one}/32`)].join(','),
      CORRAL_RATE_LIMIT_PER_MINUTE: '0',
      CORRAL_SANDBOX_SERVICE_IMAGES: standInImage,
      CORRAL_SANDBOX_SERVICE_MEMORY: String(memoryBytes),
      CORRAL_SANDBOX_SERVICE_PIDS: String(pids),
      CORRAL_SANDBOX_SERVICE_START_SECONDS: '400',
      GEMINI_API_KEY: host.canary, // puts the secret in the server's memory and environment
    }),
  );
  const corral = createCorralClient({ url: server.url, transport: 'ws' });
  stack.defer(() => corral[Symbol.dispose]());
  const begin = async (services: Record<string, { image: string; command: string[]; ports: number[] }>) => {
    const { id } = await corral.sessions.create.mutate({ services });
    stack.defer(async () => void (await corral.sessions.delete.mutate({ id }).catch(() => {})));
    const shell = async (command: string) =>
      (await corral.sandbox.exec.mutate({ sessionId: id, command, timeoutMs: 60_000 })).stdout;
    return { id, shell };
  };

  const beside = await begin({
    neighbour: { image: standInImage, command: python(neighbour, host.canary), ports: [neighbourPort] },
  });
  // Each target answers permitted clients, so a refusal below means a wall.
  expect(await beside.shell(`exec 3<>/dev/tcp/neighbour/${neighbourPort}; cat <&3`)).toBe(host.canary);

  const program = await insideProgram();
  const usual = configOf(host, { port: Number(new URL(server.url).port), neighbour: '172.17.0.2' });
  const config = {
    ...usual,
    open_host: openHost,
    pids,
    memory_bytes: memoryBytes,
    targets: [
      ...usual.targets,
      ['the API server of a cluster', '10.0.0.1', 443],
      ["another session's service at its port", '127.0.0.1', neighbourPort],
      ["another session's service by its name", 'neighbour', neighbourPort],
      ['the daemon of its own sandbox', '127.0.0.1', 2_718],
      ['the world', '1.1.1.1', 443],
    ],
  };
  const attacker = (port: number, more: object = {}) => {
    const files = { 'inside.py': program, 'config.json': JSON.stringify({ ...config, ...more }) };
    const carried = deflateSync(JSON.stringify(files), { level: 9 }).toString('base64');
    const words = carried.match(new RegExp(`.{1,${maxWord}}`, 'g')) ?? [];
    return { image: standInImage, command: python(runner, String(port), ...words), ports: [port] };
  };
  const gluttons = ['more processes than are granted', 'more memory than is granted'];
  const { id, shell } = await begin({
    attacker: attacker(4_800),
    ...Object.fromEntries(gluttons.map((only, at) => [`glutton-${at}`, attacker(4_801 + at, { only })])),
  });
  expect(await shell(`curl -s http://${openHost}/`)).toBe(host.canary);
  const resultsOf = async (name: string, port: number): Promise<Attempt[]> => {
    const reported = await shell(`curl -s --noproxy '*' http://${name}:${port}/`);
    const { reply, errors, results } = JSON.parse(reported) as { reply: string; errors: string; results: string };
    const attempts = results.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Attempt]));
    if (Number.parseInt(reply, 10) !== attempts.length) throw new Error(`The attempts did not end: ${reply} ${errors}`);
    return attempts;
  };
  const attempts = await resultsOf('attacker', 4_800);
  for (const [at, what] of gluttons.entries()) {
    const states = await corral.sandbox.services.query({ sessionId: id });
    const hasEnded = states.find(({ name }) => name === `glutton-${at}`)?.state === 'exited';
    if (hasEnded) attempts.push({ group: 'limits', what, outcome: 'stopped', by: 'the whole service is ended' });
    else attempts.push(...(await resultsOf(`glutton-${at}`, 4_801 + at)));
  }
  await report('docker:services', attempts);
  return attempts;
}

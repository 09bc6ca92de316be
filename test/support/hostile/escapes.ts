import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createSocketServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCorralClient } from '../../../src/client/index.ts';
import { namesInZip } from '../names-in-zip.ts';
import { serverProcess } from '../servers/server-process.ts';
import { removeFolder } from '../stores/store.ts';

export interface Attempt {
  readonly group: string;
  readonly what: string;
  readonly outcome: 'stopped' | 'absent' | 'harmless' | 'escaped';
  readonly by: string;
}
export interface EscapeWorld {
  /** The name that `npm run escapes -- --driver` takes. */
  readonly name: string;
  readonly settings: Record<string, string>;
  /** System calls reach a kernel other than the host's, as with gVisor. */
  readonly ownKernel?: boolean;
  /** Sandboxes have a network interface besides loopback, and network policies restrict it. */
  readonly networked?: boolean;
  /** Whether the driver limits the number of processes. */
  readonly limitsPids?: boolean;
}
type Shell = (command: string, timeoutMs?: number) => Promise<{ stdout: string }>;
const root = join(import.meta.dirname, '../../..');
const pids = 256;
const memoryBytes = 768 * 2 ** 20;

/**
 * Runs every attempt in a real sandbox with a neighbour, checks what the server reads from it, and writes the report.
 */
export async function escapesFrom(world: EscapeWorld): Promise<readonly Attempt[]> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await baitOnTheHost());
  const server = stack.use(await serverProcess({ ...attackedSettings(host), ...world.settings }));
  const corral = createCorralClient({ url: server.url, transport: 'ws' });
  stack.defer(() => corral[Symbol.dispose]());
  const open = async () => {
    const { id } = await corral.sessions.create.mutate();
    stack.defer(async () => void (await corral.sessions.delete.mutate({ id }).catch(() => {})));
    const shell = (command: string, timeoutMs = 60_000) =>
      corral.sandbox.exec.mutate({ sessionId: id, command, timeoutMs });
    const put = async (name: string, text: string) => {
      const { exitCode, stderr } = await shell(`cat > ${name} <<'WHOLE-FILE'\n${text}\nWHOLE-FILE`);
      if (exitCode !== 0) throw new Error(`${name} could not be written: ${stderr}`);
    };
    await put('inside.py', await insideProgram());
    return { id, shell, put };
  };

  // A limit that the server itself reports as unenforceable here is no escape: `doctor` and the start name it.
  const weaknesses = await weaknessesOf(server.url);

  const neighbour = await open();
  const address = (await neighbour.shell('hostname -I 2>/dev/null | cut -d" " -f1')).stdout.trim() || '172.17.0.2';
  const config = {
    ...configOf(host, { ...world, port: Number(new URL(server.url).port), neighbour: address }),
    limits_pids: (world.limitsPids ?? true) && !weaknesses.includes('processes-not-limited'),
    limits_memory: !weaknesses.includes('memory-not-limited'),
  };
  await neighbour.put('config.json', JSON.stringify({ ...config, mode: 'neighbour' }));
  await neighbour.shell(
    'nohup python3 inside.py config.json x >out 2>&1 & for n in $(seq 100); do grep -q ready out && exit 0; sleep 0.1; done; cat out >&2; exit 1',
  );

  const attacker = await open();
  await attacker.put('config.json', JSON.stringify(config));
  const inside = await tried(attacker.shell);
  const outside = { url: server.url, id: attacker.id, shell: attacker.shell, host };
  const read = [...(await readFromOutside(outside)), ...(await shownToOperators(outside, server))];
  const limits: Attempt[] = [];
  for (const only of ['more processes than are granted', 'more memory than is granted']) {
    const glutton = await open(); // one sandbox for each, because its limit can end it
    await glutton.put('config.json', JSON.stringify({ ...config, only }));
    const ended = { group: 'limits', what: only, outcome: 'stopped', by: 'the whole sandbox is ended' } as const;
    limits.push(...(await tried(glutton.shell).catch((error: Error) => lost(error, ended))));
  }
  const attempts = [...inside, ...limits, ...read];
  await report(world.name, attempts);
  return attempts;
}

/** `npm run escapes` writes it into the documents. */
export async function report(name: string, attempts: readonly Attempt[]): Promise<void> {
  await mkdir(join(root, '.reports'), { recursive: true });
  await writeFile(join(root, `.reports/escapes-${name.replace(':', '-')}.json`), JSON.stringify(attempts));
}

/**
 * The configuration of the attempts inside. The host has a service, Corral's API is at `port`, and another sandbox at
 * `neighbour`.
 */
export const configOf = (
  host: Bait,
  {
    port,
    neighbour,
    ownKernel = false,
    networked = false,
  }: Pick<EscapeWorld, 'ownKernel' | 'networked'> & { readonly port: number; readonly neighbour: string },
) => ({
  canary: host.canary,
  own_kernel: ownKernel,
  networked,
  canary_file: host.file,
  abstract: host.abstract,
  shm: host.shm,
  service_port: host.port,
  neighbour_port: 4_777,
  pids,
  limits_pids: true,
  limits_memory: true,
  memory_bytes: memoryBytes,
  targets: [
    ['the metadata service', '169.254.169.254', 80],
    ['the metadata service over IPv6', 'fd00:ec2::254', 80],
    ...host.addresses.map((it) => ["a service of the host's", it, host.port]),
    ["Corral's own API", '127.0.0.1', port],
    ["the engine's API without TLS", '172.17.0.1', 2375],
    ["the kubelet's API", '172.17.0.1', 10_250],
    ['a store', '127.0.0.1', 27_017],
    ["a neighbour's service", neighbour, 4_777],
    ["a neighbour's daemon", neighbour, 2_718],
    ['a name server', '8.8.8.8', 53],
  ],
});
export const insideProgram = () => readFile(join(root, 'scripts/escapes/inside.py'), 'utf8');
/** Settings of the attacked server: the widest rights that a sandbox can have, and a secret in its memory and environment. */
export const attackedSettings = (host: Bait): Record<string, string> => ({
  CORRAL_EGRESS_POLICY: 'web',
  CORRAL_RATE_LIMIT_PER_MINUTE: '0',
  CORRAL_SANDBOX_PIDS: String(pids),
  CORRAL_SANDBOX_MEMORY: String(memoryBytes),
  GEMINI_API_KEY: host.canary,
});

/** With gVisor a limit ends the sandbox's kernel, and with it the sandbox, which restarts with its files. */
function lost(error: Error, ended: Attempt): Attempt[] {
  if (!/connection to the sandbox is gone|sandbox/i.test(error.message)) throw error;
  return [ended];
}

async function tried(shell: Shell): Promise<Attempt[]> {
  const ran = await shell('python3 inside.py config.json results.jsonl', 600_000);
  const { stdout } = await shell('cat results.jsonl');
  const attempts = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Attempt]));
  if (Number.parseInt(ran.stdout, 10) !== attempts.length) {
    throw new Error(`The attempts did not end: ${JSON.stringify(ran)}, last ${JSON.stringify(attempts.at(-1))}`);
  }
  return attempts;
}

async function weaknessesOf(url: string): Promise<string[]> {
  const { checks } = (await (await fetch(`${url}/health/detailed`)).json()) as {
    checks: { sandbox: { weaknesses?: { name: string }[] } };
  };
  return (checks.sandbox.weaknesses ?? []).map(({ name }) => name);
}

export type Bait = Awaited<ReturnType<typeof baitOnTheHost>>;

/** Puts a secret of the host in every place that an escape would reach. */
export async function baitOnTheHost() {
  await using stack = new AsyncDisposableStack();
  const canary = randomBytes(24).toString('hex');
  const folder = await mkdtemp(join(tmpdir(), 'corral-canary-'));
  stack.defer(() => removeFolder(folder));
  await writeFile(join(folder, 'secret'), canary, { mode: 0o644 });
  const shm = `corral-canary-${canary.slice(0, 8)}`;
  await writeFile(`/dev/shm/${shm}`, canary);
  stack.defer(() => rm(`/dev/shm/${shm}`, { force: true }));
  const abstract = createSocketServer((socket) => socket.end(canary));
  await once(abstract.listen(`\0${shm}`), 'listening');
  stack.defer(() => void abstract.close());
  const addresses = Object.values(networkInterfaces())
    .flatMap((them) => them ?? [])
    .filter(({ family, address }) => family === 'IPv4' && /^(127|10|172|192\.168)\./.test(address))
    .map(({ address }) => address);
  const answering = () => createServer((_, response) => void response.end(canary));
  const servers: Server[] = [];
  stack.defer(() => servers.forEach((it) => void it.close()));
  let port = 0;
  for (const address of ['127.0.0.1', ...addresses.filter((it) => it !== '127.0.0.1')]) {
    const server = answering();
    await once(server.listen(port, address), 'listening');
    servers.push(server);
    port = (server.address() as { port: number }).port;
  }
  const held = stack.move();
  return {
    canary,
    file: join(folder, 'secret'),
    abstract: shm,
    shm,
    port,
    addresses,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

interface AttackedServer {
  readonly url: string;
  readonly id: string;
  readonly shell: Shell;
  readonly host: Bait;
}

/**
 * The server reads files that hostile code put in the workspace. No answer may contain the host's secret, and none may
 * hang.
 */
async function readFromOutside({ url, id, shell, host }: AttackedServer): Promise<Attempt[]> {
  const group = 'what is read outside';
  const readOne = async (file: string): Promise<string> => {
    const init = { method: 'POST', body: JSON.stringify({ file }), signal: AbortSignal.timeout(60_000) };
    const response = await fetch(`${url}/api/v1/sessions/${id}/file`, init);
    return `${response.status} ${await response.text()}`;
  };
  const judge = (what: string, seen: string, by = `the server answers ${seen.slice(0, 3)}`): Attempt =>
    seen.includes(host.canary)
      ? { group, what, outcome: 'escaped', by: "the server gave out the host's secret" }
      : { group, what, outcome: 'stopped', by };
  const found: Attempt[] = [];
  const bait = [
    ['a link to a file of the host', 'link'],
    ['a link through /proc/1/root', 'proc'],
    ["a link to a folder of the host's", 'folder/secret'],
    ["a link to the server's own socket", 'control'],
    ['a FIFO that nobody writes to', 'fifo'],
    ['a path that leads up', `../../../../..${host.file}`],
    ['an escaped path that leads up', `..%2f..%2f..%2f..${host.file}`],
    ['a whole path', host.file],
  ] as const;
  for (const [what, name] of bait) {
    const path = /^(\/|\.\.)/.test(name) ? name : `bait/${name}`;
    found.push(judge(`the server gets a request for ${what}`, await readOne(path).catch((error) => `hangs: ${error}`)));
  }

  const swap = `cd bait; echo fine > good; timeout 20 python3 -c "import os
while True:
    os.symlink('good', 'new'); os.rename('new', 'swapped'); os.symlink('${host.file}', 'new'); os.rename('new', 'swapped')" >/dev/null 2>&1 &`;
  await shell(swap);
  const seen: string[] = [];
  for (let n = 0; n < 150; n++) seen.push(await readOne('bait/swapped'));
  const good = seen.filter((it) => it.includes('fine')).length;
  const by = `150 reads: ${good > 0 ? 'the good file or a refusal' : 'refused'}, never the host's`;
  found.push(judge('a link that is swapped while the server reads', seen.join('\n'), by));

  const archive = await fetch(`${url}/api/v1/chats/${id}/workspace/download-all?type=output`);
  const bytes = Buffer.from(await archive.arrayBuffer());
  const what = 'names with backslashes, control characters and drive letters in an archive';
  const leadsOut = /(^|[\\/])\.\.[\\/]/;
  const names = namesInZip(bytes);
  const bad = names.filter((name) => leadsOut.test(name) || name.startsWith('/') || name.includes('\\'));
  const listed = `the server answers ${archive.status}; ${names.length} names, none leads out`;
  if (bad.length > 0) found.push({ group, what, outcome: 'escaped', by: `an archive names ${JSON.stringify(bad)}` });
  else found.push(judge(what, bytes.toString('latin1'), listed));
  return found;
}

/**
 * The texts of a sandbox that an operator's terminal can show: lists of files, names that a download suggests, the
 * server's log. An escape in them would set the terminal's title, or type a command into it.
 */
async function shownToOperators(
  { url, id, shell, host }: AttackedServer,
  server: { output(): string },
): Promise<Attempt[]> {
  const group = "the operator's terminal";
  const title = host.canary.slice(0, 12);
  const name = `bait/title\u001b]0;${title}\u0007`;
  await shell(`printf escape > "$(printf 'bait/title\\033]0;${title}\\007')"`);
  const list = await fetch(`${url}/api/sessions/${id}/files?path=bait`);
  const listed = await list.text();
  const saved = await fetch(
    `${url}/api/v1/chats/${id}/workspace/files/download?path=${encodeURIComponent(`/workspace/${name}`)}`,
  );
  await saved.arrayBuffer();
  await fetch(`${url}/api/v1/sessions/${id}/file`, { method: 'POST', body: JSON.stringify({ file: `${name}-not` }) });
  const judged = (what: string, text: string, by: string): Attempt =>
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for control characters
    /[\u0007\u001b\u009b]/.test(text)
      ? { group, what, outcome: 'escaped', by: 'a raw escape is in it' }
      : { group, what, outcome: 'stopped', by };
  return [
    judged('escapes in a list of files', listed, `the server answers ${list.status}, without control characters`),
    judged(
      'escapes in the name that a download suggests',
      saved.headers.get('content-disposition') ?? '',
      `the server answers ${saved.status}; the suggested name has none`,
    ),
    judged("escapes in the server's log", server.output(), 'the log has none'),
  ];
}

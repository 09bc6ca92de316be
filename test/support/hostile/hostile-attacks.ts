import { setTimeout as pause } from 'node:timers/promises';
import { fence } from '../clients/api.ts';
import { openWebSocket } from '../clients/sockets.ts';
import { namesInZip } from '../names-in-zip.ts';
import { reaches } from '../servers/real-server.ts';
import type { HostilePart } from './hostile-daemon.ts';
import { noiseProgram } from './hostile-noise.ts';
import { forks, memoryHog } from './hostile-programs.ts';
import type { HostileServer } from './hostile-server.ts';

/** An attack on a server with real sandboxes, which goes on until the signal fires. */
export interface Attack {
  /** Resolves with evidence that the attack took place. Rejects if it deceived the server. */
  run(hostile: HostileServer, over: AbortSignal): Promise<readonly string[]>;
  /** The evidence contains a match of each. */
  readonly shows: readonly RegExp[];
}
type Act = (hostile: HostileServer, sessionId: string, over: AbortSignal) => Promise<readonly string[]>;

const patienceMs = 60_000;
const json = { 'content-type': 'application/json' };

/** Waits, at least for one look of a client. */
const until = (over: AbortSignal, ms: number) => pause(ms, undefined, { signal: over }).catch(() => {});
const breaches = ({ real }: HostileServer, id: string) =>
  real.factsOf(id, 'sandbox.untrusted').map(({ data }) => `${data.reason} in ${data.call}`);

/** Plays the part in one new sandbox after the other. */
const playing = (part: HostilePart, act: Act, shows: readonly RegExp[]): Attack => ({
  shows,
  async run(hostile, over) {
    const seen: string[] = [];
    do {
      const id = await hostile.create(part);
      seen.push(...(await act(hostile, id, over)));
      await hostile.real.holds(id);
    } while (!over.aborted);
    return seen;
  },
});
/** Runs a program in one sandbox with an honest daemon, and stops it at the end. */
const running = (program: string, shows: readonly RegExp[], act?: Act): Attack => ({
  shows,
  async run(hostile, over) {
    const { real } = hostile;
    const id = await real.ready();
    await real.client.send(id, program);
    const seen = [...((await act?.(hostile, id, over)) ?? [])];
    if (!over.aborted) await new Promise((done) => over.addEventListener('abort', done, { once: true }));
    await real.client.stop(id);
    await reaches(async () => (await real.client.status(id)) !== 'running');
    const output = real.factsOf(id, 'tool.called').map(({ data }) => String(data.output).slice(0, 2_000));
    seen.push(...output, ...real.factsOf(id, 'sandbox.disk_exceeded').map(() => 'over its disk limit'));
    await real.holds(id);
    return seen;
  },
});

/** Waits until the server has found the sandbox hostile, and has ended it. */
const found: Act = async (hostile, id) => {
  await reaches(() => breaches(hostile, id).length > 0);
  await reaches(async () => (await hostile.real.world.running(id)).length === 0);
  return breaches(hostile, id);
};
/** Any answer counts, within a minute. */
const asked = async (path: string, body?: object) => {
  const sent = body && { method: 'POST', headers: json, body: JSON.stringify(body) };
  const response = await fetch(path, { ...sent, signal: AbortSignal.timeout(patienceMs) });
  return await response.arrayBuffer();
};

let turn = 0;
/** Asks the daemon for something else each time. */
const liar: Act = async (hostile, id, over) => {
  const { corral, real } = hostile;
  const signal = AbortSignal.timeout(patienceMs);
  const sessionId = id;
  const asks = [
    () => corral.files.list.query({ sessionId }, { signal }),
    () => corral.files.read.query({ sessionId, path: 'a' }, { signal }),
    () => corral.files.find.query({ sessionId, pattern: '*' }, { signal }),
    () => corral.files.grep.query({ sessionId, pattern: 'x' }, { signal }),
    () => corral.sandbox.exec.mutate({ sessionId, command: 'true' }, { signal }),
    () => corral.sandbox.usage.query({ sessionId }, { signal }),
    () => corral.processes.list.query({ sessionId }, { signal }),
    () => corral.terminals.open.mutate({ sessionId }, { signal }),
    () => corral.desktop.start.mutate({ sessionId }, { signal }),
    () => asked(`${real.server.url}/api/v1/chats/${id}/workspace/download-all?type=output`),
  ];
  await asks[turn++ % asks.length]?.().catch(() => {});
  await until(over, 300); // some garbage is a right file, so not every answer ends the trust
  return breaches(hostile, id);
};

const socketTo = ({ real }: HostileServer, path: string, protocols: string[] = []) =>
  openWebSocket(real.server.url.replace('http', 'ws') + path, { protocols });
const lookMs = 1_500;

/** Opens each kind of stream in turn. Some of what comes breaks no rule: then the viewer leaves after a while. */
const flooder: Act = async (hostile, sessionId, over) => {
  const { corral } = hostile;
  const watched = async (path: string, what: string) => {
    using socket = await socketTo(hostile, path, what === 'screen' ? ['binary'] : []);
    const isBegun = () => socket.frames.length > 0 || over.aborted;
    await Promise.race([reaches(isBegun), socket.closed]).catch(() => {});
    await Promise.race([until(over, lookMs), socket.closed]);
    return [`${socket.frames.length > 0 ? 'frames' : 'nothing'} of a ${what}`];
  };
  const streams = [
    async () => {
      const { id } = await corral.terminals.open.mutate({ sessionId });
      return await watched(`/ws/shells/${id}`, 'terminal');
    },
    async () => await watched(`/api/v1/sessions/${sessionId}/vnc`, 'screen'),
  ];
  const seen = await streams[turn++ % streams.length]?.().catch((error: Error) => [`refused: ${error.message}`]);
  return [...(seen ?? []), ...breaches(hostile, sessionId)];
};

const largest: Act = async (hostile, id, over) => {
  const { url } = hostile.real.server;
  const seen: string[] = [];
  const ask = async (path: string, body?: object) => {
    do {
      const { byteLength } = await asked(url + path, body);
      seen.push(`${Math.round(byteLength / 2 ** 20)} MiB`);
    } while (!over.aborted);
  };
  const list = () => ask(`/api/sessions/${id}/files?path=.`);
  const shell = () => ask(`/api/sessions/${id}/shell`, { cmd: 'true' });
  await Promise.all([list(), list(), shell(), shell()]);
  return [...seen, ...breaches(hostile, id)];
};

const lister: Act = async ({ corral, real }, sessionId) => {
  const { items } = await corral.files.list.query({ sessionId });
  const zip = await asked(`${real.server.url}/api/v1/chats/${sessionId}/workspace/download-all?type=output`);
  const names = namesInZip(Buffer.from(zip));
  // A name with a backslash is right in a list, but not in an archive, which other systems unpack.
  const listed = items.map(({ name }) => name).filter((name) => name.includes('/') || name === '..');
  const out = [...listed, ...names.filter(leadsOut)];
  if (out.length > 0) throw new Error(`The server passes on ${JSON.stringify(out)}`);
  return [...items.map(({ name }) => `listed ${name}`), ...names.map((name) => `packed ${name}`)];
};
const leadsOut = (name: string) => /(^|[\\/])\.\.([\\/]|$)|^[\\/]|^[A-Z]:|\0/.test(name);

const typed: Act = async (hostile, sessionId, over) => {
  const { id } = await hostile.corral.terminals.open.mutate({ sessionId });
  using socket = await socketTo(hostile, `/ws/shells/${id}`);
  let size = 0;
  socket.ws.on('message', (data) => {
    size += String(data).length;
    socket.frames.length = 0;
  });
  socket.ws.send(JSON.stringify({ type: 'shell_input', data: 'yes\n' }));
  await until(over, 2 ** 30);
  return [`${size > 2 ** 20 ? 'megabytes' : 'little'} of a terminal`];
};

/** Waits until the daemon has ended a writer. A slow disk takes longer than an attack to fill that far. */
const filled: Act = async ({ real }, id) => {
  await reaches(() => real.factsOf(id, 'sandbox.disk_exceeded').length > 0);
  return [];
};

const disk = 'while :; do for i in $(seq 256); do head -c 4M /dev/zero > fill$i || break; done; rm -f fill*; done';
const bomb = `${forks(2_000)}\n(f() { f | f & }; f) 2>/dev/null; sleep 600`;
const lines = `yes "$(head -c 200 /dev/zero | tr '\\0' x)" & yes 1>&2 & head -c 50M /dev/zero | tr '\\0' y; cat /dev/urandom`;

/** Every kind of attack. Those before the programs are by a program in the daemon's place. */
export const attacks: Readonly<Record<string, Attack>> = {
  'garbage from the first answer on': playing('takeover', found, [/ in GET \/health/]),
  'garbage in answers to calls': playing('liar', liar, [/ in (?!GET \/health)/]),
  'streams without end': playing('flooder', flooder, [/frames of a terminal/, /of a screen/]),
  'answers as large as the rules allow': playing('largest', largest, [/^[1-9]\d* MiB/]),
  'names that lead out': playing('lister', lister, [/listed fine[.]txt/, /packed .*fine[.]txt/]),
  'a second daemon with the token': playing('twins', found, [/second_daemon/]),
  'wrong hellos, and garbage for the proxy': running(noiseProgram(2_000), [/"hello":[1-9]\d\d/]),
  'forks without end': running(fence('sh', bomb), [/EAGAIN/]),
  'memory without end': running(fence('sh', `${memoryHog(700)}\nsleep 600`), [/killed|refused/]),
  'files without end': running(fence('sh', disk), [/over its disk limit/], filled),
  'lines without end': running(fence('sh', lines), [/x{50}|y{50}|(y\n){50}/]),
  'a terminal without end': running(fence('sh', 'true'), [/megabytes/], typed),
};

import { type ClientRequest, request } from 'node:http';
import { gzipSync } from 'node:zlib';
import { framed, wireClient } from '../clients/e2b-wire.ts';
import type { Attack } from './hostile-attacks.ts';
import type { HostileServer } from './hostile-server.ts';

// Attacks by clients of the server, most of them with the token of a sandbox, over the data plane of E2B.

type Wire = ReturnType<typeof wireClient>;
const MiB = 2 ** 20;
const atOnce = 6;
const deep = `{"path":${'['.repeat(4 * MiB)}`;
const wide = `{"path":[${'0,'.repeat(MiB)}0]}`;
const names = `{${Array.from({ length: 300_000 }, (_, at) => `"k${at}":0`).join()}}`;
/** A message of the largest allowed size, with as many values as allowed. */
const largest = JSON.stringify({ process: { pid: 1 }, input: { stdin: 'AAAA'.repeat(900_000) } });
const json = { 'content-type': 'application/json' };
const stream = { 'content-type': 'application/connect+json' };

/** Each worker asks in turn until the attack is over. The evidence is the statuses, and what refusals say. */
const asking = (asks: (wire: Wire, url: string) => readonly (() => Promise<Response>)[], shows: readonly RegExp[]) =>
  withSandbox(async ({ wire, url, over }) => {
    const seen = new Set<string>();
    const all = asks(wire, url);
    const worker = async (first: number) => {
      for (let turn = first; !over.aborted; turn++) {
        // The server closes the connection of a body that it does not read to its end.
        const answer = await all[turn % all.length]?.().catch(() => undefined);
        const text = await answer?.text().catch(() => '');
        seen.add(answer ? `${answer.status} ${text?.slice(0, 200)}` : 'broken');
      }
    };
    await Promise.all(Array.from({ length: atOnce }, (_, at) => worker(at)));
    return [...seen];
  }, shows);

interface AttackContext {
  readonly wire: Wire;
  readonly url: string;
  readonly over: AbortSignal;
}
function withSandbox(act: (acting: AttackContext) => Promise<readonly string[]>, shows: readonly RegExp[]): Attack {
  return {
    shows,
    async run({ real }: HostileServer, over) {
      const { url } = real.server;
      const wire = wireClient(() => ({ E2B_API_URL: url, E2B_API_KEY: 'any' }));
      await wire.create(); // the same sandbox for all of them, because the request has a key of its own
      return await act({ wire, url, over });
    },
  };
}

const messages = (wire: Wire) => {
  const call = (path: string, body: string | Buffer, headers = json) =>
    wire.agent(path, { method: 'POST', body: typeof body === 'string' ? body : new Uint8Array(body), headers });
  const begin = (path: string, text: string) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(Buffer.byteLength(text), 1);
    return call(path, Buffer.concat([head, Buffer.from(text)]), stream);
  };
  const code = (body: string) =>
    wire.agent('/execute', { method: 'POST', body, headers: { ...json, 'e2b-sandbox-port': '49999' } });
  return [
    ...[deep, wide, names].flatMap((text) => [
      () => call('/filesystem.Filesystem/Stat', text),
      () => call('/process.Process/SendInput', text),
      () => begin('/process.Process/Start', text),
      () => code(text),
    ]),
    () => call('/process.Process/SendInput', largest),
    () => begin('/process.Process/Start', JSON.stringify({ process: { cmd: 'true', args: ['x'.repeat(3 * MiB)] } })),
  ];
};
const bodies = (wire: Wire, url: string) =>
  [deep, wide, names].flatMap((body) => [
    () => wire.api('/v2/sandboxes', { method: 'POST', body, headers: json }),
    () => fetch(`${url}/trpc/projects.create`, { method: 'POST', body, headers: json }),
    () => fetch(`${url}/api/v1/sessions`, { method: 'PUT', body, headers: json }),
    () =>
      fetch(`${url}/mcp`, {
        method: 'POST',
        body,
        headers: { ...json, accept: 'application/json, text/event-stream' },
      }),
  ]);

const plain = { 'content-type': 'application/octet-stream' };
/** Each upload is cut in its middle, or has no end, or unpacks to more than it may. */
const uploads = withSandbox(
  async ({ wire, url, over }) => {
    const bomb = new Uint8Array(gzipSync(Buffer.alloc(64 * MiB)));
    const seen = new Set<string>();
    const packed = async () => {
      const headers = { ...plain, 'content-encoding': 'gzip' };
      const answer = await wire
        .agent('/files?path=bomb', { method: 'POST', body: bomb, headers })
        .catch(() => undefined);
      seen.add(`bomb ${answer?.status ?? 'broken'}`);
    };
    const cut = async () => {
      const sending: ClientRequest = request(`${url}/files?path=cut`, {
        ...{ method: 'POST', headers: wire.own({ ...plain, 'content-length': '50000000' }) },
      });
      const closed = new Promise((done) => sending.on('error', () => {}).once('close', done));
      sending.write(Buffer.alloc(4 * MiB), () => void setImmediate(() => sending.destroy()));
      await closed;
      seen.add('cut');
    };
    const worker = async (first: number) => {
      for (let turn = first; !over.aborted; turn++) await (turn % 2 === 0 ? packed() : cut());
    };
    await Promise.all(Array.from({ length: atOnce }, (_, at) => worker(at)));
    return [...seen];
  },
  [/^bomb (413|broken)/, /^cut/],
);

/** Programs that write without end to readers that do not read, and changes of files that nobody takes. */
const streams = withSandbox(
  async ({ wire, over }) => {
    const ended = new Promise((done) => over.addEventListener('abort', done, { once: true }));
    const life = { 'connect-timeout-ms': '10000' };
    const begin = (text: string) => wire.open('process.Process/Start', wire.shell(text), life);
    const all = await Promise.allSettled([
      ...Array.from({ length: 12 }, () => begin('cat /dev/zero')),
      wire.open('filesystem.Filesystem/WatchDir', { path: '/tmp', recursive: true, includeEntry: true }),
      begin('while :; do for i in $(seq 500); do : > /tmp/f$i; done; done'),
    ]);
    // The server closes some connections of the messages before, which a client can use once more.
    const opened = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    await ended;
    for (const { leave } of opened) leave();
    return opened.map(({ events }) => JSON.stringify(events));
  },
  [/"start"/],
);

const wrongTokens = asking(
  (wire) => [
    () => wire.agent('/files?path=x', { headers: { 'x-access-token': 'wrong' } }),
    () => wire.agent('/files?path=x&signature=v1_x', { headers: { 'x-access-token': '' } }),
    () =>
      wire.agent('/process.Process/Start', {
        ...{ method: 'POST', body: new Uint8Array(framed({})), headers: { ...stream, 'x-access-token': 'wrong' } },
      }),
  ],
  [/^401/],
);

/** The wrong tokens come last: they lock the address out for other tokens of sandboxes. */
export const callersAttacks: Readonly<Record<string, Attack>> = {
  'messages that are deep, wide or large': asking(messages, [/^429.*too complex/, /^429.*larger than|broken/]),
  'bodies that are deep, wide or large': asking(bodies, [/^4\d\d/]),
  'uploads that are cut or unpack without end': uploads,
  'streams that nobody reads': streams,
  'wrong tokens': wrongTokens,
};

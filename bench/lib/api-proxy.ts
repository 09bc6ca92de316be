import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { openCredentials } from '../../drivers/kubernetes/credentials.ts';
import { systemClock } from '../../src/core/clock.ts';

// Between a server and the real API server: counts requests and their bytes, and makes trouble on demand.

/** The driver's requests, recognized by their selectors. */
const kinds = {
  watch: /[?&]watch=true/,
  'list for the reaper': /managed-by=corral| metadata$/,
  'list for the watch': /^GET .*labelSelector=corral\/instance=[^,&]+,app\.kubernetes\.io\/name=corral-sandbox(&|$)/,
  'list of the pool': /^GET .*,corral\/pool(&|$)/,
  'list of a session': /^GET .*corral\/session=/,
  'list of sandboxes': /^GET .*labelSelector=corral\/instance=[^,&]+,corral\/sandbox(&|$)/,
  other: /\/networkpolicies|\/namespaces\/[^/]+$|limit=1/,
  get: /^GET .*\/pods\/[^/?]+/,
  create: /^POST /,
  patch: /^PATCH /,
  delete: /^DELETE /,
} as const;
export type ApiCall = keyof typeof kinds;
const ofSessions: readonly ApiCall[] = ['list of a session', 'get', 'create', 'patch', 'delete'];

export interface ApiCount {
  /** Requests that come whether anything happens or not, and what they answered. */
  readonly rest: Traffic;
  /** Requests for a session or a sandbox of the pool. */
  readonly work: Traffic;
  readonly kinds: Readonly<Partial<Record<ApiCall, Traffic>>>;
}
interface Traffic {
  readonly calls: number;
  readonly bytes: number;
}
export interface ApiProxy extends AsyncDisposable {
  readonly kubeconfig: string;
  reset(): void;
  count(): ApiCount;
  /** `busy`: every request but a watch is answered with 429. `away`: nothing answers, and open watches end. */
  trouble: 'none' | 'busy' | 'away';
}

export async function apiProxy(folder: string, behind: string | undefined): Promise<ApiProxy> {
  await using stack = new AsyncDisposableStack();
  const credentials = stack.use(openCredentials({ kubeconfig: behind, context: undefined, clock: systemClock }));
  let seen: { kind: ApiCall; bytes: number }[] = [];
  let trouble: ApiProxy['trouble'] = 'none';
  const open = new Set<ServerResponse>();

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const isMetadata = incoming.headers.accept?.includes('as=PartialObjectMetadataList');
    const line = `${incoming.method} ${decodeURIComponent(incoming.url ?? '')}`;
    const kind = kindOf(isMetadata ? `${line} metadata` : line);
    const record = { kind, bytes: 0 };
    seen.push(record);
    if (trouble === 'away') return void incoming.socket.destroy();
    if (trouble === 'busy' && kind !== 'watch') {
      outgoing.writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' });
      return void outgoing.end(
        JSON.stringify({ kind: 'Status', reason: 'TooManyRequests', message: 'trouble on demand' }),
      );
    }
    const { headers, ...options } = await credentials.apply();
    const onward = httpsRequest(new URL(incoming.url ?? '', credentials.server), {
      ...options,
      method: incoming.method,
      headers: { ...incoming.headers, ...(headers as Record<string, string>), host: credentials.server.host },
    });
    onward.on('error', () => outgoing.destroy());
    onward.on('response', (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      outgoing.flushHeaders();
      response.on('data', (chunk: Buffer) => {
        record.bytes += chunk.length;
      });
      response.on('error', () => outgoing.destroy()).pipe(outgoing);
    });
    open.add(outgoing);
    outgoing.on('close', () => {
      open.delete(outgoing);
      onward.destroy();
    });
    incoming.on('error', () => onward.destroy()).pipe(onward);
  }

  const server = createServer((incoming, outgoing) => void pass(incoming, outgoing).catch(() => outgoing.destroy()));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stack.defer(() => {
    server.close();
    server.closeAllConnections();
  });
  const kubeconfig = `${folder}/proxied`;
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await writeFile(kubeconfig, JSON.stringify(configOf(address)));
  const held = stack.move();
  return {
    kubeconfig,
    reset: () => {
      seen = [];
    },
    count() {
      const sum = (of: typeof seen) => ({ calls: of.length, bytes: of.reduce((all, { bytes }) => all + bytes, 0) });
      const isWork = ({ kind }: { kind: ApiCall }) => ofSessions.includes(kind);
      const found = [...new Set(seen.map(({ kind }) => kind))];
      const of = found.map((kind) => [kind, sum(seen.filter((it) => it.kind === kind))] as const);
      return {
        rest: sum(seen.filter((it) => !isWork(it))),
        work: sum(seen.filter(isWork)),
        kinds: Object.fromEntries(of),
      };
    },
    get trouble() {
      return trouble;
    },
    set trouble(next) {
      trouble = next;
      if (next === 'away') for (const response of open) response.destroy();
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function kindOf(line: string): ApiCall {
  for (const [kind, form] of Object.entries(kinds)) if (form.test(line)) return kind as ApiCall;
  throw new Error(`the series does not know this request of the driver: ${line}`);
}

const configOf = (server: string) => ({
  ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'proxied' },
  clusters: [{ name: 'proxied', cluster: { server, 'insecure-skip-tls-verify': true } }],
  users: [{ name: 'proxied', user: {} }],
  contexts: [{ name: 'proxied', context: { cluster: 'proxied', user: 'proxied' } }],
});

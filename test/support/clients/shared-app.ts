import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { buildHttpServer, type HttpServerDeps } from '../../../src/app/http-server.ts';
import { isLoopback } from '../../../src/app/settings/contradictions.ts';
import { waitForNextLoopTurn } from '../../../src/core/contracts/clock.ts';

export interface ListeningApp extends AsyncDisposable {
  readonly app: Awaited<ReturnType<typeof buildHttpServer>>;
  readonly port: number;
  readonly sockets: ReadonlySet<Socket>;
}

export async function listeningApp(deps: HttpServerDeps): Promise<ListeningApp> {
  const app = await buildHttpServer(deps);
  const sockets = new Set<Socket>();
  app.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const { host } = deps.config;
  await app.listen({ host: isLoopback(host) ? '127.0.0.1' : host, port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const dispose = async () => {
    app.server.closeIdleConnections();
    await app.close();
  };
  return { app, port, sockets, [Symbol.asyncDispose]: dispose };
}

type Methods = Record<PropertyKey, (...args: never[]) => unknown>;
interface SharedApp extends ListeningApp {
  lend(deps: HttpServerDeps): void;
  isFree: boolean;
}
const shared = new Map<string, SharedApp>();

/**
 * This worker's server for these settings, over the parts of the current test; a new one if another test uses it at the
 * moment. A worker runs its files one after another, so it starts few servers.
 */
export async function sharedApp(deps: HttpServerDeps): Promise<ListeningApp> {
  const key = JSON.stringify([deps.config, Object.keys(deps).sort()]);
  const found = shared.get(key);
  const app = found?.isFree ? found : await delegating(deps);
  shared.set(key, app);
  app.lend(deps);
  app.isFree = false;
  const giveBack = async () => {
    await cut(app.sockets);
    app.isFree = true;
  };
  return { ...app, [Symbol.asyncDispose]: giveBack };
}

/** Cuts all connections, and waits until the server has noticed. */
async function cut(sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = [...sockets].map((socket) => once(socket, 'close'));
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
  await waitForNextLoopTurn();
}

async function delegating(first: HttpServerDeps): Promise<SharedApp> {
  let now = first;
  const ends = new AbortController(); // the server lives as long as its worker
  const parts = Object.entries(first).map(([name, part]) => {
    if (typeof part === 'function') return [name, (...args: never[]) => (now as never as Methods)[name]?.(...args)];
    const isPart = typeof part === 'object' && !['config', 'closing'].includes(name);
    return [name, isPart ? newest(() => now[name as 'services']) : part];
  });
  const input = { ...(Object.fromEntries(parts) as never as HttpServerDeps), closing: ends.signal };
  const listening = await listeningApp(input);
  listening.app.server.unref();
  const lend = (deps: HttpServerDeps) => {
    now = deps;
  };
  return { ...listening, lend, isFree: true };
}

/** An object whose methods and parts are always those of `find()`. */
function newest<Whole extends object>(find: () => Whole): Whole {
  const part = (name: PropertyKey) => (find() as Record<PropertyKey, unknown>)[name];
  return new Proxy(find(), {
    get(_, name) {
      const value = part(name);
      if (typeof value === 'function') return (...args: never[]) => (find() as Methods)[name]?.(...args);
      return typeof value === 'object' && value !== null ? newest(() => part(name) as object) : value;
    },
  });
}

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from '../servers/server-process.ts';

/** Asks one server after the other until one that is up answers. */
export async function askAny(
  servers: readonly ServerProcess[],
  method: string,
  path: string,
  sent: { readonly body?: string; readonly headers?: Record<string, string> } = {},
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
): Promise<any> {
  let thrown: unknown;
  for (let turn = 0; turn < 600; turn++) {
    const server = servers[turn % servers.length] as ServerProcess;
    try {
      const signal = AbortSignal.timeout(20_000);
      const response = await fetch(server.url + path, { method, ...sent, body: sent.body ?? null, signal });
      const body = await response.json();
      if (response.ok) return body;
      thrown = new Error(`${method} ${path}: ${response.status} ${JSON.stringify(body)}`);
      if (response.status < 500) throw thrown;
    } catch (error) {
      if (error === thrown) throw error;
      thrown = error;
    }
    await sleep(100);
  }
  throw thrown;
}

/** Kills the servers in turn with SIGKILL, one in each such time, and starts them again, until disposed. */
export function killer(servers: readonly ServerProcess[], everyMs: number) {
  const stop = new AbortController();
  let kills = 0;
  const done = (async () => {
    let restartedMs = 0;
    for (let turn = 0; ; turn++) {
      await sleep(Math.max(0, everyMs - restartedMs), undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted) return;
      const server = servers[turn % servers.length] as ServerProcess;
      server.kill('SIGKILL');
      kills += 1;
      const began = performance.now();
      await server.restart();
      restartedMs = performance.now() - began;
    }
  })();
  done.catch(() => {}); // the disposal throws what went wrong
  return {
    kills: () => kills,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

/** A program on loopback that counts how often each message came. */
export async function countingReceiver() {
  const times = new Map<string, { count: number; type: string; sessionId: string }>();
  const server = createServer(async (request, response) => {
    const { type, data } = JSON.parse(await text(request));
    const id = String(request.headers['webhook-id']);
    times.set(id, { count: (times.get(id)?.count ?? 0) + 1, type, sessionId: data.sessionId });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/in`,
    times,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

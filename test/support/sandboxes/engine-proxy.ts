import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeFolder } from '../stores/store.ts';

/**
 * `cut`: the engine acts, but its answer is lost. `hang`: the proxy forwards nothing. A number: the status of the
 * answer. A function answers in the engine's place.
 */
export type EngineFault =
  | 'hang'
  | 'cut'
  | number
  | { readonly delayMs: number }
  | ((response: ServerResponse) => Promise<void>);
export interface EngineProxy extends AsyncDisposable {
  readonly host: string;
  /** The next requests whose method and path match meet this trouble, at most `times` of them. */
  cause(what: RegExp, trouble: EngineFault, times?: number): void;
  /** Ends all trouble; requests that hang already continue to hang. */
  calm(): void;
  /** Requests so far, as `METHOD /path`. */
  readonly seen: readonly string[];
  /** How many requests met trouble. */
  readonly hits: number;
  connections(): Promise<number>;
}

/** A proxy between a driver and the Docker engine that makes trouble on demand. */
export async function engineProxy(engineHost: string): Promise<EngineProxy> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-proxy-'));
  const path = join(folder, 'docker.sock');
  const troubles: { what: RegExp; trouble: EngineFault; left: number }[] = [];
  const seen: string[] = [];
  let hits = 0;

  const pass = (incoming: IncomingMessage, response: ServerResponse, cut: boolean) => {
    const { method, url, headers } = incoming;
    const socketPath = engineHost.replace('unix://', '');
    // A connection of its own: one that is kept can be closed by the engine at the moment of the next request.
    const onward = request({ socketPath, method, path: url, headers, agent: false }, (reply) => {
      if (cut) return void reply.resume().on('end', () => response.destroy());
      response.writeHead(reply.statusCode ?? 500, reply.headers);
      response.flushHeaders();
      reply.pipe(response);
    });
    onward.on('error', () => {
      if (!response.headersSent) response.destroy(); // else the request closed early, after a whole answer
    });
    response.on('close', () => onward.destroy());
    // In one write, as drivers send it: the engine can answer and close once it has the body, and a later write, even the
    // empty one at the end, would break the answer off.
    void incoming.toArray().then(
      (parts) => onward.end(Buffer.concat(parts)),
      () => onward.destroy(),
    );
  };
  const server = createServer((incoming, response) => {
    const line = `${incoming.method} ${incoming.url}`;
    seen.push(line);
    const found = troubles.find(({ what, left }) => left > 0 && what.test(line));
    if (!found) return pass(incoming, response, false);
    hits += 1;
    found.left -= 1;
    const { trouble } = found;
    if (trouble === 'hang') return;
    if (trouble === 'cut') return pass(incoming, response, true);
    if (typeof trouble === 'function') {
      incoming.resume();
      return void trouble(response);
    }
    if (typeof trouble === 'object') return void setTimeout(() => pass(incoming, response, false), trouble.delayMs);
    response.writeHead(trouble, { 'content-type': 'application/json' }).end('{"message":"trouble on demand"}');
  });
  await once(server.listen(path), 'listening');
  return {
    host: `unix://${path}`,
    seen,
    get hits() {
      return hits;
    },
    cause: (what, trouble, times = Number.POSITIVE_INFINITY) => void troubles.unshift({ what, trouble, left: times }),
    calm: () => void troubles.splice(0),
    connections: () => promisify(server.getConnections.bind(server))(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await removeFolder(folder);
    },
  };
}

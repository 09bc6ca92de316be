import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../clients/api.ts';
import { openStream } from '../clients/sse-client.ts';
import type { EngineProxy } from '../sandboxes/engine-proxy.ts';
import type { ServerProcess } from '../servers/server-process.ts';
import type { MongoProxy } from '../stores/mongo-proxy.ts';
import type { World } from '../worlds.ts';
import type { Clients } from './load.ts';
import type { Fault, Step } from './plan.ts';

export interface StormParts {
  readonly server: ServerProcess;
  readonly world: World;
  readonly clients: Clients;
  readonly engine: EngineProxy | undefined;
  readonly mongo: MongoProxy | undefined;
  readonly problems: string[];
}

/** Makes faults. Those that stop or restart the server, or lock its store, run one at a time. */
export class FaultMaker {
  readonly #parts: StormParts;
  readonly hits = new Map<Fault, number>();
  #server: Promise<void> = Promise.resolve();
  #cuts = 0;

  constructor(parts: StormParts) {
    this.#parts = parts;
  }

  /** Resolves when the fault ended. A fault without a target is not counted. */
  async make({ fault, lastsMs, at }: Step): Promise<void> {
    const { clients } = this.#parts;
    const id = clients.sessions[Math.floor(at * clients.sessions.length)];
    const isMet = await this.#happens(fault, { id, lastsMs });
    if (isMet) this.hits.set(fault, (this.hits.get(fault) ?? 0) + 1);
  }

  async #happens(fault: Fault, { id, lastsMs }: { id: string | undefined; lastsMs: number }): Promise<boolean> {
    const { server, world, clients, engine, mongo } = this.#parts;
    const each = (act: (id: string) => Promise<unknown>) => Promise.all([...clients.sessions].map(act));
    switch (fault) {
      case 'server kill -9':
        return await this.#alone(async () => {
          server.kill('SIGKILL');
          await server.restart();
        });
      case 'server SIGTERM':
        return await this.#alone(() => this.#terminate());
      case 'server stands still':
        return await this.#alone(async () => {
          server.kill('SIGSTOP');
          await sleep(lastsMs);
          server.kill('SIGCONT');
        });
      case 'store is locked': // a server refuses to start on a store that another process locks
        return await this.#alone(async () => {
          using db = new DatabaseSync(join(server.data, 'corral.db'));
          db.exec('PRAGMA busy_timeout = 2000; BEGIN IMMEDIATE');
          await sleep(lastsMs);
          db.exec('ROLLBACK');
        });
      case 'sandbox killed':
        return id !== undefined && (await met(world.kill(id)));
      case 'sandbox removed': {
        const [found] = id === undefined ? [] : await world.running(id);
        return found !== undefined && (await met(run('docker', ['rm', '-f', found])));
      }
      case 'sandbox paused': {
        const [found] = id === undefined ? [] : await world.running(id);
        if (found === undefined || !(await met(run('docker', ['pause', found])))) return false;
        await sleep(lastsMs);
        await met(run('docker', ['unpause', found])); // fails if the sandbox was removed in the meantime
        return true;
      }
      case 'daemon killed':
        return id !== undefined && (await met(world.signalDaemon(id, 'KILL')));
      case 'daemon stands still':
        if (id === undefined || !(await met(world.signalDaemon(id, 'STOP')))) return false;
        await sleep(lastsMs);
        await met(world.signalDaemon(id, 'CONT'));
        return true;
      case 'engine hangs':
        return await until(lastsMs, () => engine?.cause(/./, 'hang', 5), engine);
      case 'engine answers 500':
        return await until(lastsMs, () => engine?.cause(/./, 500, 8), engine);
      case 'engine cuts its answers':
        return await until(lastsMs, () => engine?.cause(/(POST|DELETE) /, 'cut', 4), engine);
      case 'engine is slow':
        return await until(lastsMs, () => engine?.cause(/./, { delayMs: 1_500 }), engine);
      case 'store is cut off':
        await this.#cutOff(lastsMs);
        return true;
      case 'store loses an answer':
        return await until(lastsMs, () => mongo?.cause(/^(insert|update|findAndModify)/, 'lose', 2), mongo);
      case 'store is slow':
        return await until(lastsMs, () => mongo?.cause(/./, { delayMs: 700 }, 60), mongo);
      case 'slow clients':
        return await this.#slowClients(id, lastsMs);
      case 'flood of requests':
        await Promise.all(Array.from({ length: 300 }, (_, n) => this.#flood(n)));
        return true;
      case 'flood of connections':
        return await this.#connections(lastsMs);
      case 'output of 5 MB':
        return id !== undefined && (await clients.send(id, 'head -c 5000000 /dev/zero | tr "\\0" x', 'queue'));
      case 'full disk':
        return (
          id !== undefined &&
          (await clients.send(id, 'head -c 3G /dev/zero > /tmp/full; df /tmp | tail -1; rm -f /tmp/full', 'queue'))
        );
      case 'burst of messages': {
        if (id === undefined) return false;
        const modes = ['inject', 'queue', 'replace', 'queue', 'inject'];
        const sent = await Promise.all(modes.map((mode) => clients.send(id, 'echo TASK.1 >> ran; sleep 0.2', mode)));
        return sent.includes(true);
      }
      case 'storm of stops':
        await each((it) => Promise.all([1, 2].map(() => clients.ask(() => clients.api.stop(it)))));
        return true;
      case 'storm of deletes': {
        const some = clients.sessions.slice(0, 2);
        await Promise.all(some.flatMap((it) => [clients.delete(it), clients.delete(it)]));
        await Promise.all(some.map(() => clients.create()));
        return some.length > 0;
      }
    }
  }

  async #alone(act: () => Promise<void>): Promise<boolean> {
    const before = this.#server;
    const turn = before.then(act);
    this.#server = turn.catch(() => {});
    await turn;
    return true;
  }

  async #terminate(): Promise<void> {
    const { server, problems } = this.#parts;
    const began = performance.now();
    server.kill('SIGTERM');
    const code = await server.exit;
    const took = Math.round(performance.now() - began);
    if (code !== 0) problems.push(`F007: on SIGTERM the server ended with ${code}:\n${server.output().slice(-1_000)}`);
    if (took > 30_000) problems.push(`F007: on SIGTERM the server took ${took} ms to end`);
    await server.restart();
  }

  /** Faults overlap: the store comes back when the last cut of several is over. */
  async #cutOff(lastsMs: number): Promise<void> {
    const { mongo } = this.#parts;
    this.#cuts += 1;
    if (this.#cuts === 1) await mongo?.close();
    await sleep(lastsMs);
    this.#cuts -= 1;
    if (this.#cuts === 0) await mongo?.open();
  }

  async #slowClients(id: string | undefined, ms: number): Promise<boolean> {
    const { server } = this.#parts;
    const opened = await Promise.all(
      Array.from({ length: 5 }, () => openStream(`${server.url}/api/v1/sessions/${id}/events`).catch(() => undefined)),
    );
    for (const stream of opened) stream?.pause();
    await sleep(ms);
    for (const stream of opened) stream?.[Symbol.dispose]();
    return opened.some((stream) => stream !== undefined);
  }

  /** Sends valid, unknown and broken requests. */
  async #flood(n: number): Promise<void> {
    const { url } = this.#parts.server;
    const requests: [string, RequestInit][] = [
      [`${url}/api/v1/sessions`, {}],
      [`${url}/api/v1/sessions/none-${n}`, {}],
      // Not a PUT of a session, whose body is ignored: hundreds of sessions would stay, and leave no room for the storm's.
      [`${url}/api/v1/sessions/none-${n}/chat`, { method: 'POST', headers: json, body: '{"broken' }],
    ];
    const [where, how] = requests[n % 3] as [string, RequestInit];
    const response = await fetch(where, { ...how, signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
    await response?.arrayBuffer().catch(() => {});
    const isOurFault = response !== undefined && response.status >= 500 && response.status !== 503;
    if (isOurFault) this.#parts.problems.push(`a flood was answered ${response.status} at ${where}`);
  }

  async #connections(ms: number): Promise<boolean> {
    const { port } = new URL(this.#parts.server.url);
    const sockets = Array.from({ length: 100 }, () => connect(Number(port), '127.0.0.1').on('error', () => {}));
    for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHo');
    await sleep(ms);
    for (const socket of sockets) socket.destroy();
    return true;
  }
}

const json = { 'content-type': 'application/json' };

const met = (act: Promise<unknown>): Promise<boolean> =>
  act.then(
    () => true,
    () => false,
  );

async function until(ms: number, begin: () => void, maker: { calm(): void } | undefined): Promise<boolean> {
  begin();
  await sleep(ms);
  maker?.calm();
  return maker !== undefined;
}

// The simplest server for the same work: Fastify, an open SSE response per reader, and one buffer for all. With a
// store, a prepared INSERT writes each event first, and a reader that names its last event gets later ones through one
// SELECT.
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fastify from 'fastify';
import type { ProgramMethods } from '../lib/calls/child-process.ts';
import { type EmissionPlan, emitEvents } from '../lib/calls/emit.ts';

interface Argument {
  readonly dataDir: string;
  readonly store: 'full' | 'normal' | 'memory';
}

export async function open({ dataDir, store }: Argument, stack: AsyncDisposableStack): Promise<ProgramMethods> {
  const db = new DatabaseSync(join(dataDir, 'raw.db'));
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${store === 'full' ? 'FULL' : 'NORMAL'};
    CREATE TABLE event (seq INTEGER PRIMARY KEY, text TEXT) STRICT`);
  const insert = db.prepare('INSERT INTO event (seq, text) VALUES (?, ?)');
  const later = db.prepare('SELECT seq, text FROM event WHERE seq > ? ORDER BY seq');
  const streams = new Set<ServerResponse>();
  const frameOf = (seq: unknown, text: unknown) => `id: ${seq}\nevent: step\ndata: ${text}\n\n`;
  let seq = 0;

  function put(data: object): void {
    seq += 1;
    const text = JSON.stringify({ event_id: String(seq), timestamp: Math.floor(Date.now() / 1_000), ...data });
    if (store !== 'memory') insert.run(seq, text);
    const frame = Buffer.from(frameOf(seq, text));
    for (const stream of streams) stream.write(frame);
  }

  const app = fastify({ logger: false });
  app.get('/events', ({ headers }, reply) => {
    const res = reply.hijack().raw;
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    res.socket?.setNoDelay(true);
    res.write(': connected\n\n');
    const last = headers['last-event-id'];
    res.cork();
    if (last !== undefined) for (const row of later.iterate(Number(last))) res.write(frameOf(row.seq, row.text));
    res.uncork();
    streams.add(res);
    res.once('close', () => streams.delete(res));
  });
  app.post<{ Body: { message: string } }>('/say', async ({ body }) => {
    put({ role: 'user', content: body.message });
    return { code: 0, msg: 'success', data: null };
  });
  stack.defer(async () => {
    app.server.closeAllConnections();
    await app.close();
    db.close();
  });
  return {
    listen: async () => `${await app.listen({ host: '127.0.0.1', port: 0 })}/events`,
    emit: (emission: EmissionPlan) =>
      emitEvents(emission, (n, description) => void put({ id: String(n), description, status: 'running' })),
  };
}

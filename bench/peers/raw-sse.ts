// The simplest server for the same work: Fastify, an open SSE response per subscriber, one buffer for all of them. With
// `store: full`, one prepared INSERT first writes every event to the disk.
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fastify from 'fastify';
import type { Program } from '../lib/child-process.ts';
import { type Emission, emit } from '../lib/emit.ts';

interface Argument {
  readonly dataDir: string;
  readonly store: 'full' | 'memory';
}

export async function open({ dataDir, store }: Argument): Promise<Program> {
  const keep = store === 'full' ? inserter(join(dataDir, 'raw.db')) : () => {};
  const streams = new Set<ServerResponse>();
  let seq = 0;

  function put(data: object): void {
    seq += 1;
    const text = JSON.stringify({ event_id: String(seq), timestamp: Math.floor(Date.now() / 1_000), ...data });
    keep(seq, text);
    const frame = Buffer.from(`id: ${seq}\nevent: step\ndata: ${text}\n\n`);
    for (const stream of streams) stream.write(frame);
  }

  const app = fastify({ logger: false });
  app.get('/events', (_request, reply) => {
    const res = reply.hijack().raw;
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    res.socket?.setNoDelay(true);
    res.write(': connected\n\n');
    streams.add(res);
    res.once('close', () => streams.delete(res));
  });
  app.post<{ Body: { message: string } }>('/say', async ({ body }) => {
    put({ role: 'user', content: body.message });
    return { code: 0, msg: 'success', data: null };
  });

  return {
    methods: {
      listen: async () => `${await app.listen({ host: '127.0.0.1', port: 0 })}/events`,
      emit: (emission: Emission) =>
        emit(emission, (n, description) => void put({ id: String(n), description, status: 'running' })),
    },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

function inserter(path: string): (seq: number, text: string) => void {
  const db = new DatabaseSync(path);
  db.exec(
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE event (seq INTEGER PRIMARY KEY, text TEXT)',
  );
  const insert = db.prepare('INSERT INTO event (seq, text) VALUES (?, ?)');
  return (seq, text) => void insert.run(seq, text);
}

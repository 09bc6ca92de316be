// The simplest replay: the rows after a number, read by one SELECT and written to the answer as server-sent events.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fastify from 'fastify';
import type { Program } from '../lib/child-process.ts';
import { type Emission, emit } from '../lib/emit.ts';

export async function open({ dataDir }: { dataDir: string }): Promise<Program> {
  const db = new DatabaseSync(join(dataDir, 'raw.db'));
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE event (seq INTEGER PRIMARY KEY, text TEXT) STRICT');
  const insert = db.prepare('INSERT INTO event (text) VALUES (?)');
  const rows = db.prepare('SELECT seq, text FROM event WHERE seq > ? ORDER BY seq');
  const app = fastify({ logger: false });
  app.get('/events', ({ headers }, reply) => {
    const res = reply.hijack().raw;
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
    res.write(': connected\n\n');
    res.cork();
    for (const { seq, text } of rows.iterate(Number(headers['last-event-id'])))
      res.write(`id: ${seq}\nevent: step\ndata: ${text}\n\n`);
    res.uncork();
  });
  return {
    methods: {
      listen: async () => `${await app.listen({ host: '127.0.0.1', port: 0 })}/events`,
      async emit(emission: Emission) {
        db.exec('BEGIN');
        const emitted = await emit(emission, (n, description) => {
          const event_id = `0123456789abcdef-${n}`;
          const data = {
            event_id,
            timestamp: Math.floor(Date.now() / 1_000),
            id: String(n),
            status: 'running',
            description,
          };
          insert.run(JSON.stringify(data));
          return undefined;
        });
        db.exec('COMMIT');
        return emitted;
      },
    },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
      db.close();
    },
  };
}

// The simplest servers with the same answers: Fastify with the bytes in memory, or with one SELECT, and an UPDATE a
// hundred times a second.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fastify from 'fastify';
import type { Program } from '../lib/child-process.ts';

interface Argument {
  readonly dataDir: string;
  readonly rows: number;
  /** One session, as Corral's answer has it. */
  readonly session: object;
  /** The text around the sessions, in a list and for one session. */
  readonly around: { readonly page: readonly [string, string]; readonly one: readonly [string, string] };
}

export async function open({ dataDir, rows, session, around }: Argument): Promise<Program> {
  const db = new DatabaseSync(join(dataDir, 'raw.db'));
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  db.exec(
    'CREATE TABLE s (id TEXT PRIMARY KEY, at REAL, doc TEXT) STRICT, WITHOUT ROWID; CREATE INDEX o ON s (at DESC);',
  );
  const insert = db.prepare('INSERT INTO s VALUES (?, ?, ?)');
  const idOf = (n: number) => n.toString(16).padStart(16, '0');
  db.exec('BEGIN');
  for (let n = 0; n < rows; n++) insert.run(idOf(n), n, JSON.stringify({ ...session, id: idOf(n) }));
  db.exec('COMMIT');
  const page = db.prepare('SELECT doc FROM s ORDER BY at DESC LIMIT 50');
  const one = db.prepare('SELECT doc FROM s WHERE id = ?');
  const update = db.prepare('UPDATE s SET at = at WHERE id = ?');
  const app = fastify({ logger: false });
  const pageText = () => {
    const docs = page.all().map(({ doc }) => doc);
    return around.page[0] + docs.join(',') + around.page[1];
  };
  const oneText = (id: string) => `${around.one[0]}${one.get(id)?.doc}${around.one[1]}`;
  app.get('/select/page', async (_, reply) => reply.type('application/json').send(pageText()));
  app.get<{ Params: { id: string } }>('/select/one/:id', async ({ params }, reply) =>
    reply.type('application/json').send(oneText(params.id)),
  );
  const bytes = { page: Buffer.from(pageText()), one: Buffer.from(oneText(idOf(0))) };
  app.get('/bytes/page', async (_, reply) => reply.type('application/json').send(bytes.page));
  app.get('/bytes/one/:id', async (_, reply) => reply.type('application/json').send(bytes.one));
  let timer: NodeJS.Timeout | undefined;
  let changes = 0;
  return {
    methods: {
      listen: () => app.listen({ host: '127.0.0.1', port: 0 }),
      async change(perSecond: number) {
        timer = setInterval(() => update.run(idOf(changes++ % 100)), 1_000 / perSecond);
      },
      async rest() {
        clearInterval(timer);
        return changes;
      },
    },
    async [Symbol.asyncDispose]() {
      app.server.closeAllConnections();
      await app.close();
      db.close();
    },
  };
}

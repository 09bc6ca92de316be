import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { monotonicMs } from './generator.ts';
import type { RunningServer } from './server.ts';

/**
 * A client of a real server over HTTP. Only the server's event log, read from its database, tells when a sandbox is
 * ready.
 */
export interface SessionClient extends AsyncDisposable {
  create(): Promise<string>;
  /** Resolves with the monotonic time at which the log reports the sandbox ready. Polls every millisecond. */
  ready(session: string): Promise<number>;
  urlOf(session: string): string;
  remove(session: string): Promise<void>;
}

const patienceMs = 120_000; // the first sandbox may need its image built

export function sessionClient({ url, dataDir }: RunningServer): SessionClient {
  const base = `${url}/api/v1/sessions`;
  const db = new DatabaseSync(join(dataDir, 'corral.db'), { readOnly: true });
  const find = db.prepare(
    `SELECT 1 FROM event WHERE session = ? AND type = 'sandbox.phase' AND fact ->> '$.data.phase' = 'ready'`,
  );
  const open = new Set<string>();

  async function ask(method: string, address: string): Promise<{ data: { session_id: string } }> {
    const answer = await fetch(address, { method });
    if (!answer.ok) throw new Error(`${method} ${address} answered ${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as { data: { session_id: string } };
  }
  async function remove(session: string): Promise<void> {
    open.delete(session);
    await ask('DELETE', `${base}/${session}`);
  }

  return {
    async create() {
      const { data } = await ask('PUT', base);
      open.add(data.session_id);
      return data.session_id;
    },
    async ready(session) {
      const deadline = monotonicMs() + patienceMs;
      while (find.get(session) === undefined) {
        if (monotonicMs() > deadline) throw new Error(`the sandbox of ${session} did not become ready`);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      return monotonicMs();
    },
    urlOf: (session) => `${base}/${session}`,
    remove,
    async [Symbol.asyncDispose]() {
      for (const session of open) await remove(session).catch(() => {}); // the server may have failed
      db.close();
    },
  };
}

/** The time from the request for a session until its sandbox is ready, in ms. Deletes the session. */
export async function coldStart(client: SessionClient): Promise<number> {
  const from = monotonicMs();
  const session = await client.create();
  const ms = (await client.ready(session)) - from;
  await client.remove(session);
  return ms;
}

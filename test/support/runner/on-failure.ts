import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { onTestFinished } from 'vitest';
import { storedEvents } from '../clients/api.ts';
import type { ServerProcess } from '../servers/server-process.ts';

const maxChars = 6_000;

/** If the test fails, prints the text of `telling` before earlier registrations are disposed. */
export function onFailureTell(what: string, telling: () => string | Promise<string>): void {
  onTestFinished(async ({ task }) => {
    if (task.result?.state !== 'fail') return;
    const text = await Promise.resolve()
      .then(telling)
      .catch((error: unknown) => `(nothing: ${error})`);
    console.error(`--- ${what}, as “${task.name}” failed:\n${text.slice(-maxChars)}\n---`);
  });
}

type ServerOutput = Pick<ServerProcess, 'output' | 'data'>;

/** Reports a server that is disposed before the test's result is known: `read` keeps the events for the report. */
export function failureTeller(server: ServerOutput): { read(): void } {
  let events = '';
  onFailureTell('the server’s output', () => server.output());
  onFailureTell('the sessions’ events', () => events);
  return {
    read() {
      events = eventsIn(server.data);
    },
  };
}

const eventsIn = (data: string) =>
  sessionsOf(data)
    .map((id) => `${id}\n${storedEvents(data, id).slice(-30).map(line).join('\n')}`)
    .join('\n');

const line = (event: object) => `  ${JSON.stringify(event).slice(0, 300)}`;

function sessionsOf(data: string): string[] {
  if (!readdirSync(data).includes('corral.db')) return [];
  using db = new DatabaseSync(join(data, 'corral.db'), { readOnly: true });
  return db
    .prepare('SELECT DISTINCT session FROM event')
    .all()
    .map(({ session }) => String(session));
}

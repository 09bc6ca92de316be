import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { parseSse, type SeenEvent } from './sse-client.ts';

export const run = promisify(execFile);

export const api = (url: string) => {
  const ask = async (method: string, path: string, body?: object) => {
    const provided = body && { body: JSON.stringify(body) };
    const response = await fetch(`${url}/api/v1/sessions${path}`, { method, ...provided });
    return { status: response.status, body: (await response.json()) as { code: number; msg: string; data: never } };
  };
  return {
    ask,
    async create(): Promise<string> {
      const { body } = await ask('PUT', '');
      return (body.data as { session_id: string }).session_id;
    },
    /** Resolves when the message is in the log; the run continues. */
    async send(id: string, message: string, mode?: string, attachments: readonly string[] = []): Promise<void> {
      const hangUp = new AbortController();
      const body = JSON.stringify({ message, mode, ...(attachments.length > 0 && { attachments }) });
      const init = { method: 'POST', body, signal: hangUp.signal };
      const response = await fetch(`${url}/api/v1/sessions/${id}/chat`, init);
      if (response.status !== 200) throw new Error(`chat: ${response.status} ${await response.text()}`);
      hangUp.abort();
    },
    /** Sends a message and reads the event stream to its end. */
    async chat(id: string, message: string): Promise<SeenEvent[]> {
      const init = { method: 'POST', body: JSON.stringify({ message }) };
      const response = await fetch(`${url}/api/v1/sessions/${id}/chat`, init);
      return parseSse(await response.text());
    },
    get: (id: string) => ask('GET', `/${id}`),
    stop: (id: string) => ask('POST', `/${id}/stop`),
    remove: (id: string) => ask('DELETE', `/${id}`),
    async status(id: string): Promise<string> {
      const input = encodeURIComponent(JSON.stringify({ id })); // unlike the session itself, without its events
      const response = await fetch(`${url}/trpc/sessions.get?input=${input}`);
      const { result } = (await response.json()) as { result?: { data: { status: string } } };
      return result?.data.status ?? 'gone';
    },
  };
};

const readAt = new Map<string, { readonly state: string; readonly events: SessionEvent[] }>();

/**
 * The session's events, read from the log's file without the server. Tests poll it, so the file is opened only if it or
 * its write-ahead log changed. Two writes of one tick of the file system's clock look alike, so a fresh change is not kept.
 */
export function storedEvents(dataDir: string, sessionId: string): SessionEvent[] {
  const file = join(dataDir, 'corral.db');
  const changes = [file, `${file}-wal`].map((path) => statSync(path, { throwIfNoEntry: false }));
  const key = `${file} ${sessionId}`;
  const state = changes.map((change) => `${change?.mtimeMs} ${change?.size} ${change?.ino}`).join();
  const isOld = changes.every((change) => Date.now() - (change?.mtimeMs ?? 0) > 50);
  const known = readAt.get(key);
  if (isOld && known?.state === state) return [...known.events];
  using db = new DatabaseSync(file, { readOnly: true });
  const rows = db.prepare('SELECT seq, fact FROM event WHERE session = ? ORDER BY seq').all(sessionId);
  const events = rows.map(
    ({ seq, fact }) => ({ ...(JSON.parse(String(fact)) as object), seq: Number(seq) }) as SessionEvent,
  );
  if (isOld) readAt.set(key, { state, events });
  return [...events];
}

export const fence = (word: string, text: string): string => `\`\`\`${word}\n${text}\n\`\`\``;

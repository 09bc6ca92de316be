import { setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { sessionClient } from '../corral/client.ts';
import { monotonicMs } from '../measure/generator.ts';
import type { ProgramMethods } from './child-process.ts';
import type { HttpCalls } from './http-calls.ts';

// The control calls of a person while others work: check health, list the sessions, send a message, stop a run. Calls
// start at a fixed pace, even while answers are pending. A late call counts from the time it was due.

export const kinds = ['health', 'list', 'message', 'stop'] as const;
export type Kind = (typeof kinds)[number];
export interface ControlReport {
  readonly took: Readonly<Record<Kind, readonly number[]>>;
  readonly asked: number;
  readonly failed: readonly string[];
}
const everyMs = 50;
const worksMs = 1_600;
const restsMs = 400;
const waits = 'Work\n```sh\necho begun\nsleep 30\n```';

export async function open(
  { url, sessions }: { url: string; sessions: number },
  stack: AsyncDisposableStack,
): Promise<ProgramMethods> {
  beforeTheLoad();
  const client = stack.use(sessionClient({ url }));
  const ids: string[] = [];
  for (let n = 0; n < sessions; n++) ids.push(await client.started());
  return { round: ({ ms }: { ms: number }) => round(client.calls, ids, ms) };
}

/**
 * A person's client is not on the server's machine, so the queue of this machine must not count. Only root may do this;
 * otherwise the calls seem slower than they are.
 */
function beforeTheLoad(): void {
  try {
    setPriority(-10);
  } catch {}
}

async function round(calls: HttpCalls, ids: readonly string[], ms: number): Promise<ControlReport> {
  const took: Record<Kind, number[]> = { health: [], list: [], message: [], stop: [] };
  const failed: string[] = [];
  let asked = 0;
  const begun = monotonicMs();
  const until = begun + ms;

  async function timed(kind: Kind, due: number, path: string, body?: object): Promise<void> {
    asked++;
    try {
      await calls.ask(path, body);
      took[kind].push(monotonicMs() - due);
    } catch (thrown) {
      failed.push(`${kind}: ${thrown}`);
    }
  }
  async function paced(kind: Kind, path: string): Promise<void> {
    const open: Promise<void>[] = [];
    for (let due = begun; due < until; due += everyMs) {
      await pause(Math.max(0, due - monotonicMs()));
      open.push(timed(kind, due, path));
    }
    await Promise.all(open);
  }
  async function steered(sessionId: string, n: number): Promise<void> {
    await pause((n * worksMs) / ids.length);
    while (monotonicMs() < until) {
      await timed('message', monotonicMs(), '/trpc/runs.send', { sessionId, text: waits });
      await pause(worksMs);
      await timed('stop', monotonicMs(), '/trpc/runs.stop', { sessionId });
      await pause(restsMs);
    }
  }
  const list = `/trpc/sessions.list?input=${encodeURIComponent(JSON.stringify({ limit: 50 }))}`;
  await Promise.all([paced('health', '/health'), paced('list', list), ...ids.map(steered)]);
  return { took, asked, failed };
}

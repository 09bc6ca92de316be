import { setPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { type ApiName, openSessionApi, type SessionApi } from '../corral/session-api.ts';
import { monotonicMs } from '../measure/generator.ts';
import type { ProgramMethods } from './child-process.ts';

// A person's control calls while other sessions work: check health, list sessions, send a message, stop a run. Calls
// start at a fixed pace, even while answers are pending. A late call is timed from when it was due.

export const controlCallKinds = ['health', 'list', 'message', 'stop'] as const;
export type ControlCallKind = (typeof controlCallKinds)[number];
export interface ControlReport {
  readonly took: Readonly<Record<ControlCallKind, readonly number[]>>;
  readonly requested: number;
  readonly failed: readonly string[];
}
const everyMs = 50;
const worksMs = 1_600;
const restsMs = 400;
const waits = 'Work\n```sh\necho begun\nsleep 30\n```';

export async function open(
  { url, sessions, api: name }: { url: string; sessions: number; api: ApiName },
  stack: AsyncDisposableStack,
): Promise<ProgramMethods> {
  beforeTheLoad();
  const api = stack.use(await openSessionApi(name, url));
  const ids: string[] = [];
  stack.defer(async () => {
    for (const id of ids) await api.remove(id).catch(() => {});
  });
  for (let n = 0; n < sessions; n++) {
    ids.push(await api.create());
    await api.chat(ids[n] ?? '', 'Work\n```sh\ntrue\n```', () => {}); // starts its sandbox
  }
  return { round: ({ ms }: { ms: number }) => round(api, ids, ms) };
}

/** When run as root, raises the priority: a real client would not compete with the load for processors. */
function beforeTheLoad(): void {
  try {
    setPriority(-10);
  } catch {}
}

async function round(api: SessionApi, ids: readonly string[], ms: number): Promise<ControlReport> {
  const took: Record<ControlCallKind, number[]> = { health: [], list: [], message: [], stop: [] };
  const failed: string[] = [];
  let requested = 0;
  const begun = monotonicMs();
  const until = begun + ms;

  async function timed(kind: ControlCallKind, due: number, path: string, body?: object): Promise<void> {
    requested++;
    try {
      await api.calls.ask(path, body);
      took[kind].push(monotonicMs() - due);
    } catch (thrown) {
      failed.push(`${kind}: ${thrown}`);
    }
  }
  async function paced(kind: ControlCallKind, path: string): Promise<void> {
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
      await timed('message', monotonicMs(), ...api.message(sessionId, waits));
      await pause(worksMs);
      await timed('stop', monotonicMs(), ...api.stop(sessionId));
      await pause(restsMs);
    }
  }
  await Promise.all([paced('health', '/health'), paced('list', api.list), ...ids.map(steered)]);
  return { took, requested, failed };
}

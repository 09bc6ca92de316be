import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { SessionEvent } from '../../src/core/events.ts';
import { api, fence, storedEvents } from './api.ts';
import { problemsOf } from './checker.ts';
import { isNightly } from './nightly.ts';
import { serverProcess } from './server-process.ts';

/** The same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How many, where nobody asks for more than the usual. */
export function killsFor(usual: number): { points: number; timeout: number } {
  const points = Number(process.env.CHAOS_POINTS ?? (isNightly ? 200 : usual));
  return { points, timeout: 100_000 + points * 20_000 };
}
export const chaosSeed = (): number => Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

export const processLeftovers = async (_: string, data: string): Promise<string[]> =>
  (await readdir(join(data, 's'))).filter((name) => name.startsWith('sbx-'));

interface Chaos {
  readonly driver: 'docker' | 'process';
  readonly points: number;
  readonly seed: number;
  /** Names what is left of a session at the driver after its removal. */
  readonly leftovers: (sessionId: string, dataDir: string) => Promise<string[]>;
  /** Another store than the server's own: what it is told, and how the log is read without its help. */
  readonly store?: {
    readonly settings: Record<string, string>;
    readonly events: (sessionId: string) => Promise<readonly SessionEvent[]>;
  };
}

/** What one session sees of it: a log is then as long as most are, and the next one begins beside what is left. */
const pointsPerSession = 20;

/** Kills the server at random moments of runs, restarts it each time, and holds the log and the world to account. */
export async function chaosKill(chaos: Chaos): Promise<{ resumed: number; problems: string[] }> {
  const random = seeded(chaos.seed);
  await using server = await serverProcess({
    CORRAL_DRIVER: chaos.driver,
    CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    ...chaos.store?.settings,
  });
  const found = { resumed: 0, problems: [] as string[] };
  for (let done = 0; done < chaos.points; done += pointsPerSession) {
    const points = Math.min(pointsPerSession, chaos.points - done);
    const { resumed, problems } = await oneSession(server, { ...chaos, points }, random);
    found.resumed += resumed;
    found.problems.push(...problems);
  }
  return found;
}

async function oneSession(
  server: Awaited<ReturnType<typeof serverProcess>>,
  { points, leftovers, store }: Chaos,
  random: () => number,
): Promise<{ resumed: number; problems: string[] }> {
  const client = api(server.url);
  const id = await client.create();
  let sent = 0;
  // The first kills must not all fall into the start of the sandbox.
  await client.chat(id, fence('sh', 'touch ready'));
  for (let point = 0; point < points; point++) {
    if ((await client.status(id)) !== 'running') {
      sent += 1;
      await client.send(id, task(sent)).catch(unlessBusy);
    }
    await sleep(random() * 700);
    server.kill('SIGKILL');
    await server.restart();
  }
  await expect.poll(() => client.status(id), { timeout: 60_000, interval: 100 }).toBe('completed');
  const ran = (await client.ask('POST', `/${id}/file`, { file: 'ran' })).body.data as { content: string } | null;
  const events = store ? await store.events(id) : storedEvents(server.data, id);
  const problems = problemsOf(events);
  problems.push(...repeated((ran?.content ?? '').split('\n').filter(Boolean)).map((line) => `${line} ran twice`));
  expect((await client.remove(id)).status).toBe(200);
  problems.push(...(await leftovers(id, server.data)).map((what) => `left behind: ${what}`));
  // A kill that met no run proves nothing.
  const resumed = events.filter(
    (event) => event.type === 'run.notice' && event.data.kind === 'resumed_after_restart',
  ).length;
  return { resumed, problems };
}

/** A loaded database is no fault of the server's: the next task is another one, as this one may have been taken. */
function unlessBusy(thrown: unknown): void {
  if (!String(thrown).includes('chat: 503')) throw thrown;
}

const task = (n: number) =>
  `Task ${n}\n${fence('sh', `echo ${n}.1 >> ran; for i in 1 2 3 4 5; do echo line $i; sleep 0.05; done`)}\n` +
  `${fence(`file:note-${n}.md`, `note ${n}`)}\n${fence('sh', `sleep 0.2; echo ${n}.2 >> ran; cat note-${n}.md`)}`;

const repeated = (lines: readonly string[]) => lines.filter((line, at) => lines.indexOf(line) !== at);

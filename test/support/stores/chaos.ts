import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { api, fence, storedEvents } from '../clients/api.ts';
import { problemsOf } from '../hostile/checker.ts';
import { serverProcess } from '../servers/server-process.ts';
import { seeded } from '../simulation/dice.ts';

/** The number of kills: CHAOS_POINTS, or `usual`. */
export const killsFor = (usual: number): number => Number(process.env.CHAOS_POINTS ?? usual);
export const chaosSeed = (): number => Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

export const processLeftovers = async (_: string, data: string): Promise<string[]> =>
  (await readdir(join(data, 's'))).filter((name) => name.startsWith('sbx-'));

interface Chaos {
  readonly driver: 'docker' | 'process';
  readonly points: number;
  readonly seed: number;
  /** Names the resources of a session that the driver still has after the session's removal. */
  readonly leftovers: (sessionId: string, dataDir: string) => Promise<string[]>;
  /** A store other than the server's default: its settings, and how the test reads the log without the server. */
  readonly store?: {
    readonly settings: Record<string, string>;
    readonly events: (sessionId: string) => Promise<readonly SessionEvent[]>;
  };
}

/** Kills per session: the log gets a usual length, and the next session starts next to the remains of this one. */
const pointsPerSession = 20;

/**
 * Kills the server at random moments of runs, restarts it each time, then checks the log, the effects of its commands
 * and the leftovers.
 */
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
  // Waits for the sandbox, so that not all of the first kills happen while it starts.
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
  await expect.poll(() => client.status(id), { interval: 100 }).toBe('completed');
  const ran = (await client.ask('POST', `/${id}/file`, { file: 'ran' })).body.data as { content: string } | null;
  const events = store ? await store.events(id) : storedEvents(server.data, id);
  const problems = problemsOf(events);
  problems.push(...repeated((ran?.content ?? '').split('\n').filter(Boolean)).map((line) => `${line} ran twice`));
  expect((await client.remove(id)).status).toBe(200);
  problems.push(...(await leftovers(id, server.data)).map((what) => `left behind: ${what}`));
  // A kill proves something only where it interrupted a run.
  const resumed = events.filter(
    (event) => event.type === 'run.notice' && event.data.kind === 'resumed_after_restart',
  ).length;
  return { resumed, problems };
}

/**
 * A loaded database is not the server's fault. The next task has another number, because the server may have taken this
 * one.
 */
function unlessBusy(thrown: unknown): void {
  if (!String(thrown).includes('chat: 503')) throw thrown;
}

const task = (n: number) =>
  `Task ${n}\n${fence('sh', `echo ${n}.1 >> ran; for i in 1 2 3 4 5; do echo line $i; sleep 0.05; done`)}\n` +
  `${fence(`file:note-${n}.md`, `note ${n}`)}\n${fence('sh', `sleep 0.2; echo ${n}.2 >> ran; cat note-${n}.md`)}`;

const repeated = (lines: readonly string[]) => lines.filter((line, at) => lines.indexOf(line) !== at);

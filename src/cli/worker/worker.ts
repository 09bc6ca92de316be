import type { Box } from '../../client/index.ts';
import { combineSignals, sleep } from '../../core/concurrency/cancel.ts';
import { Semaphore } from '../../core/concurrency/semaphore.ts';
import {
  type AgentSession,
  type AgentsApi,
  AgentsApiError,
  type EnvironmentWork,
  parseSessionKey,
  retryApiCall,
} from './agents-api.ts';
import { createBashCommand } from './bash.ts';
import type { SessionBoxes } from './session-boxes.ts';
import { serveSession } from './session-work.ts';

const beatMs = 30_000;
const defaultTtlMs = 90_000;

/** `stopping`: the API requests the item back. `lost`: another worker or a newer claim may have the item. */
type LeaseEnd = 'finished' | 'stopping' | 'lost';

class Lease implements AsyncDisposable {
  readonly #ended = new AbortController();
  readonly #beating: Promise<void>;
  #end: LeaseEnd | undefined;

  constructor(api: AgentsApi, work: EnvironmentWork, now: () => number = Date.now) {
    this.#beating = this.#beat(api, work, now).catch(() => this.finish('lost'));
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }
  get isLost(): boolean {
    return this.#end === 'lost';
  }

  /** Only the first call has an effect. */
  finish(end: LeaseEnd): void {
    this.#end ??= end;
    this.#ended.abort();
  }

  async #beat(api: AgentsApi, work: EnvironmentWork, now: () => number): Promise<void> {
    let last: string | undefined;
    let ttlMs = defaultTtlMs;
    let keptAt = now();
    while (!this.signal.aborted) {
      const everyMs = Math.max(1_000, Math.min(ttlMs / 2, beatMs));
      try {
        const eitherSignal = combineSignals([this.signal, AbortSignal.timeout(everyMs)]);
        const answer = await api.heartbeat(work, last, eitherSignal);
        last = answer.last_heartbeat;
        keptAt = now();
        if (answer.ttl_seconds > 0) ttlMs = answer.ttl_seconds * 1_000;
        if (!answer.lease_extended || ['stopping', 'stopped'].includes(answer.state)) return this.finish('stopping');
      } catch (error) {
        if (this.signal.aborted) return;
        const isRefused = error instanceof AgentsApiError && (error.status === 412 || !error.isTransient);
        if (isRefused || now() - keptAt > ttlMs) return this.finish('lost');
      }
      await sleep(everyMs, this.signal).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish('finished');
    await this.#beating;
  }
}

export interface RunWorkerOptions {
  readonly api: AgentsApi;
  readonly environmentId: string;
  readonly boxes: SessionBoxes;
  readonly maxSessions: number;
  readonly maxIdleMs: number;
  readonly say: (line: string) => void;
}

const sweepMs = 10 * 60_000;
const stopMs = 10_000;

/** After the signal fires, unfinished items return to the queue when their leases expire. */
export async function runWorker(parts: RunWorkerOptions, abortSignal: AbortSignal): Promise<void> {
  const { api, environmentId, say } = parts;
  const places = new Semaphore(parts.maxSessions);
  const serving = new Set<Promise<void>>();
  const serves = new Map<string, RunningServe>();
  const failed = new AbortController();
  const signal = combineSignals([abortSignal, failed.signal]);
  const sweeping = sweep(parts, signal);
  say(`The worker waits for sessions of ${environmentId}.`);
  try {
    while (!signal.aborted) {
      const place = await places.acquire(signal);
      let isServed = false;
      try {
        const work = await retryApiCall(() => api.poll(environmentId, signal), signal);
        if (!work) continue;
        isServed = true;
        const served = serveItem(parts, { work, serves }, signal).finally(() => {
          place[Symbol.dispose]();
          serving.delete(served);
        });
        serving.add(served);
      } finally {
        if (!isServed) place[Symbol.dispose]();
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    failed.abort();
    await Promise.all([...serving, sweeping]);
  }
}

interface RunningServe {
  /** Ends this claim without notifying the API, because a newer claim replaces it. */
  readonly supersede: () => void;
  readonly done: Promise<void>;
}
interface ClaimedItem {
  readonly work: EnvironmentWork;
  readonly serves: Map<string, RunningServe>;
}

async function serveItem(parts: RunWorkerOptions, { work, serves }: ClaimedItem, signal: AbortSignal): Promise<void> {
  const { say, boxes } = parts;
  const sessionId = work.data.id;
  const key = parseSessionKey(work);
  const api = key === undefined ? parts.api : parts.api.withKey(key);
  await using lease = new Lease(api, work);
  const eitherSignal = combineSignals([signal, lease.signal]);
  const done = Promise.withResolvers<void>();
  const earlier = serves.get(sessionId);
  const own: RunningServe = { supersede: () => lease.finish('lost'), done: done.promise };
  serves.set(sessionId, own);
  using stack = new DisposableStack();
  stack.defer(() => {
    if (serves.get(sessionId) === own) serves.delete(sessionId);
    done.resolve();
  });
  try {
    await retryApiCall(() => parts.api.acknowledge(work, eitherSignal), eitherSignal);
    // Two concurrent claims would run the session's calls twice.
    earlier?.supersede();
    await earlier?.done;
    const isDone = await runSession(parts, { api, work }, eitherSignal);
    if (isDone === 'ended') await boxes.remove(sessionId);
    say(`${sessionId}: ${isDone}`);
  } catch (error) {
    if (signal.aborted) return;
    const isRefused = error instanceof AgentsApiError && error.isUnauthorized;
    if (lease.isLost || isRefused) return say(`${sessionId}: ${await findLossReason(parts)}`);
    if (!lease.signal.aborted) say(`${sessionId}: failed. ${(error as Error).message}`);
    // The API requested the item back. Failed removals are retried later.
    else await boxes.removeIfEnded(api, sessionId, AbortSignal.timeout(stopMs)).catch(() => {});
  }
  await api.stop(work, AbortSignal.timeout(stopMs)).catch((error: Error) => {
    say(`${sessionId}: the item could not be taken from the queue. ${error.message}`);
  });
}

/** Uses the environment's key, because the item's own token cannot reveal the reason. */
async function findLossReason({
  api,
  environmentId,
}: Pick<RunWorkerOptions, 'api' | 'environmentId'>): Promise<string> {
  const refusal = await api.keyRefusal(environmentId, AbortSignal.timeout(stopMs));
  if (refusal === undefined) return 'another worker has it now.';
  return `released because the key of this worker is no longer valid. ${refusal}`;
}

async function runSession(
  parts: RunWorkerOptions,
  item: { api: AgentsApi; work: EnvironmentWork },
  signal: AbortSignal,
) {
  const { api, work } = item;
  const session = await retryApiCall(() => api.session(work.data.id, signal), signal).catch((error: unknown) => {
    if (error instanceof AgentsApiError && error.status === 404) return undefined;
    throw error;
  });
  if (!session || session.status === 'terminated') return 'ended';
  if (session.resources.some(({ type }) => type === 'memory_store')) {
    throw new Error('It has memory stores, which this worker cannot mount.');
  }
  parts.say(`${session.id}: served`);
  const box = await parts.boxes.open(session);
  for (const problem of await placeSkills(api, session, box, signal)) parts.say(`${session.id}: ${problem}`);
  return await serveSession({ ...parts, api, box, sessionId: session.id }, signal);
}

async function sweep({ api, boxes, say }: RunWorkerOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const count = await boxes.removeEnded(api, signal).catch((error: Error) => {
      if (!signal.aborted) say(`The search for boxes of ended sessions failed: ${error.message}`);
      return 0;
    });
    if (count > 0) say(`Removed ${count} boxes of ended sessions.`);
    await sleep(sweepMs, signal).catch(() => {});
  }
}

/** SKILL.md is at the top level of the archive, or in a top-level folder. */
const unpack = `
set -e
a=$1 d=skills/$2 t=$(mktemp -d)
if [ "$(head -c 2 "$a")" = PK ]; then python3 -m zipfile -e "$a" "$t"; else tar -xf "$a" -C "$t" --no-same-owner; fi
from=$t; [ -e "$t/SKILL.md" ] || from=$(find "$t" -mindepth 1 -maxdepth 1 -type d | head -n 1)
[ -e "$from/SKILL.md" ] || { echo 'no SKILL.md' >&2; exit 1; }
rm -rf "$d"; mkdir -p skills; cp -a "$from" "$d"; rm -rf "$t" "$a"
`;

/** Resolves with a line for each skill that could not be loaded. */
async function placeSkills(
  api: AgentsApi,
  session: AgentSession,
  box: Box,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const { skill_id: id, version } of session.agent.skills) {
    try {
      const { name, archive } = await api.skill(id, version, signal);
      const draft = `.corral/worker/skill-${name}`;
      await box.files.write(draft, archive, { signal });
      const { exitCode, stderr } = await box.exec(createBashCommand(unpack, draft, name), { signal });
      if (exitCode !== 0) throw new Error(stderr.trim().slice(0, 500));
    } catch (error) {
      signal.throwIfAborted();
      problems.push(`The skill ${id} could not be loaded: ${(error as Error).message}`);
    }
  }
  return problems;
}

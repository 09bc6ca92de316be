import type { SandboxInfo } from '../../../../drivers/driver.ts';
import { createTimeoutSignal } from '../../../core/concurrency/cancel.ts';
import { forEachConcurrent } from '../../../core/concurrency/for-each-concurrent.ts';
import type { EventStore } from '../../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../../core/contracts/server-parts.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SandboxUsage } from '../../api/sandboxes.ts';
import type { RunningSandboxView, ServerOverview, WaitingRun } from '../../api/server/administration.ts';
import type { LiveSessions } from '../../engine/live-sessions.ts';
import type { SandboxAccess } from '../../engine/sandbox/sandbox-access.ts';
import { countSessions, readStoredSessions } from '../../engine/unfinished-sessions.ts';
import { StoredSession } from '../../run/log/projection.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly events: Pick<EventStore, 'findLastSeq' | 'page'>;
  readonly liveSessions: Pick<LiveSessions, 'all' | 'get'>;
  readonly sandboxesUp: () => readonly SandboxInfo[];
  readonly sandboxes: Pick<SandboxAccess, 'look'>;
  readonly host: string;
}
const usageMs = 150;
const mostMeasured = 200;
const mostWaiting = 100;
const atOnce = 16;

export async function readServerOverview(deps: Deps, signal: AbortSignal): Promise<Omit<ServerOverview, 'storage'>> {
  const [{ running, waiting }, sandboxes, queue] = await Promise.all([
    countSessions(deps.records),
    readSandboxes(deps, signal),
    readQueue(deps),
  ]);
  return { running, waiting, sandboxes, queue };
}

async function readSandboxes(deps: Deps, signal: AbortSignal): Promise<RunningSandboxView[]> {
  const { records, liveSessions, sandboxesUp, sandboxes, host, clock } = deps;
  const hosts = new Map(sandboxesUp().map((info) => [info.sessionId, info.host ?? host]));
  // The list may be a few seconds old; sessions in memory are current.
  for (const { id, client } of liveSessions.all()) {
    if (!client) hosts.delete(id);
    else if (!hosts.has(id)) hosts.set(id, host);
  }
  const ids = [...hosts.keys()];
  const usages = new Map<SessionId, SandboxUsage>();
  const measured = async () => {
    using soon = createTimeoutSignal(usageMs, clock, signal);
    const measure = async (id: SessionId) => {
      const used = await sandboxes
        .look(id, soon.signal)
        .then((client) => client?.usage(soon.signal))
        .catch(() => undefined); // the daemon does not respond, or is too old to report usage
      if (used) usages.set(id, used);
    };
    await forEachConcurrent(ids.slice(0, mostMeasured), atOnce, measure);
  };
  const paused = new Set(sandboxesUp().flatMap(({ sessionId, phase }) => (phase === 'paused' ? [sessionId] : [])));
  const [found] = await Promise.all([readStoredSessions(records, ids), measured()]);
  const sessions = new Map(found.map((session) => [session.id, session]));
  return ids.map((id) => ({
    sessionId: id,
    title: sessions.get(id)?.title ?? null,
    owner: sessions.get(id)?.owner ?? null,
    host: hosts.get(id) ?? host,
    isPaused: liveSessions.get(id)?.isPaused ?? paused.has(id),
    usage: usages.get(id) ?? null,
  }));
}

async function readQueue({ records, events }: Deps): Promise<WaitingRun[]> {
  const rows = await records.list('session', { state: 'waiting', limit: mostWaiting });
  const runs = new Map<SessionId, WaitingRun>();
  await forEachConcurrent(rows, atOnce, async ({ doc }) => {
    const { id, title, owner = null, updatedAt } = StoredSession.parse(doc);
    const seq = await events.findLastSeq(id, 'run.wait');
    const [event] = seq === 0 ? [] : (await events.page(id, seq - 1, 1)).events;
    const { reason = null, budget } = event?.type === 'run.wait' ? event.data : {};
    const since = event?.ts ?? updatedAt;
    runs.set(id, { sessionId: id, title, owner, since, reason, budget: budget?.scope ?? null });
  });
  return rows.flatMap(({ id }) => runs.get(id as SessionId) ?? []);
}

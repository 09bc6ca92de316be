import type { Clock } from '../../../../core/contracts/clock.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { iso, isoOrNull } from '../wire.ts';
import { sessionWord, threadWord } from './ids.ts';
import { environmentOfSession, keptOf, shownAgent } from './kept-session.ts';
import type { Projection } from './projection.ts';
import type { SessionReader } from './reader.ts';
import { statsOf, usageOf } from './usage.ts';

export interface ViewDeps {
  readonly services: Pick<Services, 'sessions'>;
  readonly reader: SessionReader;
  readonly clock: Clock;
}
const archivedAtOf = (record: SessionRecord): number | null =>
  record.archived ? (keptOf(record)?.archivedAt ?? record.updatedAt) : null;

async function shared(record: SessionRecord, { services: { sessions }, reader, clock }: ViewDeps) {
  const projection = await reader.state(record, sessions);
  const archivedAt = archivedAtOf(record);
  const now = archivedAt ?? clock.now();
  const activeMs = projection.activeMs(now);
  return {
    projection,
    status: statusOf(record, projection),
    stats: statsOf(activeMs, Math.max(0, now - record.createdAt)),
    usage: usageOf(projection.usage, activeMs),
    agent: await shownAgent(record, sessions),
    times: { created_at: iso(record.createdAt), updated_at: iso(record.updatedAt), archived_at: isoOrNull(archivedAt) },
  };
}
/** A message that waits for its run makes the session busy already. */
function statusOf(record: SessionRecord, { status }: Projection) {
  return record.archived ? ('terminated' as const) : status;
}

export async function sessionView(record: SessionRecord, deps: ViewDeps) {
  const { projection, status, stats, usage, agent, times } = await shared(record, deps);
  return {
    id: sessionWord(record.id),
    type: 'session' as const,
    status,
    title: record.title === '' ? null : record.title,
    agent,
    environment_id: environmentOfSession(record),
    resources: keptOf(record)?.resources ?? [],
    vault_ids: keptOf(record)?.vaultIds ?? [],
    metadata: record.metadata ?? {},
    budget: null,
    deployment_id: keptOf(record)?.deploymentId ?? null,
    outcome_evaluations: projection.outcomes.views(),
    stats,
    usage,
    ...times,
  };
}

/** The only thread of a session. */
export async function threadView(record: SessionRecord, deps: ViewDeps) {
  const { status, stats, usage, agent, times } = await shared(record, deps);
  const { multiagent: _, ...own } = agent;
  return {
    id: threadWord(record.id),
    type: 'session_thread' as const,
    session_id: sessionWord(record.id),
    parent_thread_id: null,
    agent: own,
    status,
    stats: { ...stats, startup_seconds: 0 },
    usage,
    workflow_run_id: null,
    ...times,
  };
}

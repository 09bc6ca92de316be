import type { Clock } from '../../../../core/contracts/clock.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { serverEnvironmentId } from '../resources/environments.ts';
import { toApiTimes } from '../wire.ts';
import { toBudgetView } from './budget.ts';
import { toApiSessionId, toApiThreadId } from './ids.ts';
import { type ManagedSessionContent, parseManagedSessionContent, readSessionAgentView } from './kept-session.ts';
import type { SessionReader } from './reader.ts';
import type { SessionProjection } from './threads/session-projection.ts';
import { toSessionStats, toUsageView, type UsageTotals } from './usage.ts';

export interface SessionViewDeps {
  readonly services: Pick<Services, 'sessions'>;
  readonly reader: SessionReader;
  readonly clock: Clock;
}
/** `kept` is parsed only once per session, because lists show many sessions. */
interface ViewedSession {
  readonly record: SessionRecord;
  readonly kept: ManagedSessionContent | undefined;
}
const archivedAtOf = ({ record, kept }: ViewedSession): number | null =>
  record.archived ? (kept?.archivedAt ?? record.updatedAt) : null;

interface Amounts {
  readonly usage: UsageTotals;
  activeMs(now: number): number;
}
async function shared(viewed: ViewedSession, amounts: Amounts, { services: { sessions }, clock }: SessionViewDeps) {
  const { record, kept } = viewed;
  const archivedAt = archivedAtOf(viewed);
  const now = archivedAt ?? clock.now();
  const activeMs = amounts.activeMs(now);
  return {
    stats: toSessionStats(activeMs, Math.max(0, now - record.createdAt)),
    usage: toUsageView(amounts.usage, activeMs),
    agent: await readSessionAgentView(record, kept, sessions),
    times: toApiTimes({ ...record, archivedAt }),
  };
}

type Status = SessionProjection['status'];
const statusOf = (record: SessionRecord, status: Status) => (record.archived ? ('terminated' as const) : status);

export async function readSessionView(record: SessionRecord, deps: SessionViewDeps) {
  const projection = await deps.reader.state(record, deps.services.sessions);
  const kept = parseManagedSessionContent(record);
  const { stats, usage, agent, times } = await shared({ record, kept }, projection, deps);
  return {
    id: toApiSessionId(record.id),
    type: 'session' as const,
    status: statusOf(record, projection.status),
    title: record.title === '' ? null : record.title,
    agent,
    environment_id: kept?.environmentId ?? serverEnvironmentId,
    resources: kept?.resources ?? [],
    vault_ids: kept?.vaultIds ?? [],
    metadata: record.metadata ?? {},
    budget: toBudgetView(record),
    deployment_id: kept?.deploymentId ?? null,
    outcome_evaluations: projection.outcomes.views(),
    stats,
    usage,
    ...times,
  };
}

export async function readThreadView(
  record: SessionRecord,
  { session, projection }: { readonly session: SessionId; readonly projection: SessionProjection },
  deps: SessionViewDeps,
) {
  const { stats, usage, agent, times } = await shared(
    { record, kept: parseManagedSessionContent(record) },
    projection.of(record.id),
    deps,
  );
  const { multiagent: _, ...own } = agent;
  const parent = projection.parentOf(record.id);
  return {
    id: toApiThreadId(record.id),
    type: 'session_thread' as const,
    session_id: toApiSessionId(session),
    parent_thread_id: parent && toApiThreadId(parent),
    agent: own,
    status: statusOf(record, projection.statusOf(record.id)),
    stats: { ...stats, startup_seconds: 0 },
    usage,
    workflow_run_id: null,
    ...times,
  };
}

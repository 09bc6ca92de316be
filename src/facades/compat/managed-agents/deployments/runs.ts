import { poll } from '../../../../core/concurrency/rounds.ts';
import type { Clock } from '../../../../core/contracts/clock.ts';
import { AppError, ignoreNotFound } from '../../../../core/errors/errors.ts';
import type { AutomationStart } from '../../../../sessions/api/server/automations.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError } from '../errors.ts';
import type { ApiRoutes } from '../route.ts';
import { parseDeploymentRunId, toApiDeploymentId, toApiDeploymentRunId, toApiSessionId } from '../sessions/ids.ts';
import { type QueryParameters, readListPage, toIsoTime } from '../wire.ts';
import { toDeploymentRunError } from './errors.ts';
import { parseAgentRef, parseDeploymentContent } from './shapes.ts';

interface Deps {
  readonly services: Pick<Services, 'automations'>;
}
export const maxDeploymentRuns = 1_000; // per deployment, as documented in docs/automations.md
const launchMs = 30_000;
const pollMs = 100;

const isRun = ({ state }: AutomationStart) => state !== 'queued' && state !== 'starting';
const isManual = ({ cause }: AutomationStart) => cause.kind !== 'schedule';
const hasFailed = ({ state }: AutomationStart) => state === 'failed' || state === 'skipped';

export const toDeploymentRun = (start: AutomationStart) => ({
  id: toApiDeploymentRunId(start.id),
  type: 'deployment_run' as const,
  deployment_id: toApiDeploymentId(start.automationId),
  agent: parseAgentRef(start.agent ?? ''),
  trigger_context:
    start.cause.kind === 'schedule'
      ? { type: 'schedule' as const, scheduled_at: toIsoTime(start.cause.dueAt) }
      : { type: 'manual' as const },
  session_id: hasFailed(start) || start.sessionId === null ? null : toApiSessionId(start.sessionId),
  error: hasFailed(start) || start.sessionId === null ? toDeploymentRunError(start.failure, start.text) : null,
  created_at: toIsoTime(start.at),
});

/** Rejects: not_found, quota (the start is still waiting after 30 seconds). */
export async function waitForDeploymentRun(
  { id, automationId }: Pick<AutomationStart, 'id' | 'automationId'>,
  { services: { automations }, clock }: Deps & { readonly clock: Clock },
  signal: AbortSignal,
): Promise<AutomationStart> {
  const until = clock.now() + launchMs;
  const look = async () => {
    const start = (await automations.starts(automationId, { limit: maxDeploymentRuns })).find((one) => one.id === id);
    if (!start) throw new AppError('not_found', 'The deployment was deleted in the meantime.');
    if (isRun(start)) return start;
    if (clock.now() >= until)
      throw new AppError(
        'quota',
        `The run ${toApiDeploymentRunId(id)} waits: ${start.text || 'the server has no room for it yet'}. It begins by itself; look at deployment_runs.`,
      );
    return undefined;
  };
  return await poll(look, { everyMs: pollMs, clock }, signal);
}

export function createDeploymentRunRoutes({ services: { automations } }: Deps): ApiRoutes {
  /** Newest first. */
  async function all(query: QueryParameters): Promise<AutomationStart[]> {
    const target = query.one('deployment_id');
    const isWithin = query.within('created_at');
    const trigger = query.one('trigger_type');
    if (trigger !== undefined && trigger !== 'manual' && trigger !== 'schedule')
      throw invalidRequestError('trigger_type must be manual or schedule.');
    const error = query.one('has_error');
    if (error !== undefined && error !== 'true' && error !== 'false')
      throw invalidRequestError('has_error must be true or false.');
    const own = (await automations.list()).filter((one) => parseDeploymentContent(one) !== undefined);
    const requests = own.filter(({ id }) => target === undefined || toApiDeploymentId(id) === target);
    const listStarts = async ({ id }: { readonly id: string }) =>
      (await automations.starts(id, { limit: maxDeploymentRuns }).catch(ignoreNotFound)) ?? [];
    const starts = await Promise.all(requests.map(listStarts));
    return starts
      .flat()
      .filter(
        (start) =>
          isRun(start) &&
          isWithin(start.at) &&
          (trigger === undefined || isManual(start) === (trigger === 'manual')) &&
          (error === undefined || hasFailed(start) === (error === 'true')),
      )
      .sort((a, b) => b.at - a.at || (a.id < b.id ? -1 : 1));
  }

  return {
    async 'GET /v1/deployment_runs'({ query }) {
      return await readListPage({
        query,
        name: 'deployment runs',
        most: 1_000,
        read: () => all(query),
        show: toDeploymentRun,
      });
    },
    async 'GET /v1/deployment_runs/:run'({ params: { run = '' } }) {
      const { id, automation } = parseDeploymentRunId(run);
      const isDeployment = parseDeploymentContent(await automations.get(automation)) !== undefined;
      const starts = isDeployment ? await automations.starts(automation, { limit: maxDeploymentRuns }) : [];
      const start = starts.find((one) => one.id === id && isRun(one));
      if (!start) throw new AppError('not_found', `There is no deployment run ${run.slice(0, 100)}.`);
      return toDeploymentRun(start);
    },
  };
}

import { z } from 'zod';
import type { Automation } from '../../../../sessions/api/server/automations.ts';
import { BudgetInput } from '../sessions/budget.ts';
import { AgentReference, ResourceRequest, vaultIdsSchema } from '../sessions/create.ts';
import { toApiDeploymentId } from '../sessions/ids.ts';
import { Metadata, MetadataChange, toApiTimes, toIsoTime, toIsoTimeOrNull } from '../wire.ts';
import { toDeploymentPauseError } from './errors.ts';

// A deployment is an automation with a task in this API's format.

export const managedAgentsApiName = 'managed-agents';

const name = z.string().min(1).max(255);
const description = z.string().max(2_048).nullable().optional();
const isPlainCron = (text: string) =>
  /^[\d*,/A-Za-z-]+([ \t]+[\d*,/A-Za-z-]+){4}$/.test(text.trim()) &&
  [...text.matchAll(/[A-Za-z]+/g)].every(([word]) => word.length === 3);
const Schedule = z.strictObject({
  type: z.literal('cron'),
  expression: z
    .string()
    .max(200)
    .refine(isPlainCron, 'must have five fields: minute, hour, day of the month, month, day of the week'),
  timezone: z.string().min(1).max(100),
});
const events = z.array(z.unknown()).min(1).max(50);
const resources = z.array(ResourceRequest).max(500).nullable().optional();
export const NewDeployment = z.strictObject({
  budget: BudgetInput,
  description,
  resources,
  schedule: Schedule.nullable().optional(),
  vault_ids: vaultIdsSchema,
  agent: AgentReference,
  environment_id: z.string().min(1).max(200),
  initial_events: events,
  name,
  metadata: Metadata.nullable().optional(),
});
export const DeploymentChange = NewDeployment.partial().extend({ metadata: MetadataChange.nullable().optional() });

const anyObject = z.record(z.string(), z.unknown());
export const DeploymentContent = z.object({
  description: z.string().nullable(),
  agent: z.object({ id: z.string(), version: z.int() }),
  environmentId: z.string(),
  initialEvents: z.array(anyObject),
  resources: z.array(anyObject),
  vaultIds: z.array(z.string()),
  budget: anyObject.nullable(),
  metadata: z.record(z.string(), z.string()),
});
export type DeploymentContent = z.output<typeof DeploymentContent>;

export const parseDeploymentContent = ({ program }: Pick<Automation, 'program'>): DeploymentContent | undefined =>
  program?.api === managedAgentsApiName ? DeploymentContent.parse(program.content) : undefined;

export const formatAgentRef = ({ id, version }: DeploymentContent['agent']): string => `${id}@${version}`;
export const parseAgentRef = (label: string) => {
  const at = label.lastIndexOf('@');
  return { type: 'agent' as const, id: label.slice(0, at), version: Number(label.slice(at + 1)) };
};

interface Times {
  readonly lastRunAt: number | null;
  readonly upcoming: readonly number[];
}
export function toDeployment(automation: Automation, content: DeploymentContent, { lastRunAt, upcoming }: Times) {
  const { id, name: named, schedule, paused, program, createdAt, updatedAt } = automation;
  const archivedAt = program?.archivedAt ?? null;
  const isPaused = paused !== null && archivedAt === null;
  return {
    id: toApiDeploymentId(id),
    type: 'deployment' as const,
    name: named,
    description: content.description,
    agent: { type: 'agent' as const, ...content.agent },
    environment_id: content.environmentId,
    initial_events: content.initialEvents,
    resources: content.resources,
    vault_ids: content.vaultIds,
    metadata: content.metadata,
    budget: content.budget,
    schedule: schedule && {
      type: 'cron' as const,
      expression: schedule.cron,
      timezone: schedule.timezone,
      last_run_at: toIsoTimeOrNull(lastRunAt),
      upcoming_runs_at: archivedAt === null ? upcoming.map(toIsoTime) : [],
    },
    status: isPaused ? ('paused' as const) : ('active' as const),
    paused_reason: isPaused
      ? paused.by === 'person'
        ? { type: 'manual' as const }
        : { type: 'error' as const, error: toDeploymentPauseError(paused) }
      : null,
    ...toApiTimes({ createdAt, updatedAt, archivedAt }),
  };
}

import type { z } from 'zod';
import { AppError, ignoreNotFound } from '../../../../core/errors/errors.ts';
import { Secret } from '../../../../core/text/secret.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { Automation, AutomationSpec, Schedule } from '../../../../sessions/api/server/automations.ts';
import { invalidRequestError } from '../errors.ts';
import type { FileDeps } from '../resources/files.ts';
import type { ApiRoutes } from '../route.ts';
import type { ResourceRequest } from '../sessions/create.ts';
import { parseDeploymentId } from '../sessions/ids.ts';
import { ManagedSessionContent } from '../sessions/kept-session.ts';
import type { ManagedAgentsSettings } from '../settings.ts';
import { applyMetadataChange, parseInput, readListPage } from '../wire.ts';
import { prepareDeploymentSession, type RepositoryTokens } from './prepare.ts';
import { maxDeploymentRuns, toDeploymentRun, waitForDeploymentRun } from './runs.ts';
import {
  DeploymentChange,
  DeploymentContent,
  formatAgentRef,
  managedAgentsApiName,
  NewDeployment,
  parseDeploymentContent,
  toDeployment,
} from './shapes.ts';

/** A permanent error in a scheduled start pauses the automation immediately, despite `maxFailures`. */
const usual = {
  kind: 'run',
  goal: null,
  repositories: [],
  projectId: null,
  template: null,
  model: null,
  skills: [],
  hook: null,
  after: null,
  budget: null,
  whileRunning: 'queue',
  maxRunning: 20,
  maxFailures: 100,
  shared: false,
} as const satisfies Partial<AutomationSpec>;
const upcomingCount = 5;

export function createDeploymentRoutes(parts: FileDeps, settings: ManagedAgentsSettings): ApiRoutes {
  const { services, clock } = parts;
  const { automations } = services;
  const deps = { ...parts, settings };

  const found = async (value: string | undefined) => {
    const automation = await automations.get(parseDeploymentId(value ?? ''));
    await automations.starts(automation.id, { limit: 1 }); // refuses a caller who can only see that the automation exists
    const content = parseDeploymentContent(automation);
    if (!content) throw new AppError('not_found', `There is no deployment ${value}.`);
    return { automation, content };
  };
  const living = async (value: string | undefined) => {
    const it = await found(value);
    if (it.automation.program?.archivedAt != null)
      throw invalidRequestError('The deployment is archived and cannot be changed or run.', 'deployment_archived');
    return it;
  };
  async function shown(automation: Automation) {
    const content = parseDeploymentContent(automation);
    if (!content) throw new AppError('not_found', 'There is no such deployment.');
    const { id, schedule } = automation;
    const starts = await automations.starts(id, { limit: schedule ? maxDeploymentRuns : 1 });
    const last = starts.find(({ cause, sessionId }) => cause.kind === 'schedule' && sessionId !== null);
    const upcoming = schedule ? await automations.times(schedule, upcomingCount) : [];
    return toDeployment(automation, content, { lastRunAt: last?.at ?? null, upcoming });
  }

  async function toAutomation(
    name: string,
    content: UnpinnedContent,
    { schedule, tokens }: { readonly schedule: Schedule | null; readonly tokens: RepositoryTokens | undefined },
  ) {
    const { command, messages } = await prepareDeploymentSession({ name, content, tokens }, deps);
    const { agentId, version } = ManagedSessionContent.parse(command.agent?.kept);
    const agent = { id: agentId, version };
    const program = {
      api: managedAgentsApiName,
      agent: formatAgentRef(agent),
      archivedAt: null,
      content: DeploymentContent.parse({ ...content, agent }),
    };
    const secret = tokens && new Secret(JSON.stringify(tokens));
    return { name, message: messages[0]?.text ?? '', schedule, program, ...(secret && { secret }) };
  }

  return {
    'POST /v1/deployments': {
      least: 'create',
      async run({ body }) {
        const input = parseInput(NewDeployment, body);
        const { resources, tokens } = withoutTokens(input.resources ?? []);
        const content = {
          description: input.description || null,
          agent: input.agent,
          environmentId: input.environment_id,
          initialEvents: input.initial_events as Record<string, unknown>[],
          resources,
          vaultIds: input.vault_ids ?? [],
          budget: (input.budget ?? null) as Record<string, unknown> | null,
          metadata: input.metadata ?? {},
        };
        const schedule = toSchedule(input.schedule);
        return await shown(
          await automations.create({ ...usual, ...(await toAutomation(input.name, content, { schedule, tokens })) }),
        );
      },
    },
    async 'GET /v1/deployments'({ query }) {
      const status = query.one('status');
      if (status !== undefined && status !== 'active' && status !== 'paused')
        throw invalidRequestError('status must be active or paused.');
      if (status !== undefined && query.has('include_archived'))
        throw invalidRequestError('status and include_archived cannot be combined.');
      const agent = query.one('agent_id');
      const isWithin = query.within('created_at');
      const isListed = (one: Automation) => {
        const content = parseDeploymentContent(one);
        return (
          content !== undefined &&
          (one.program ? query.shows(one.program) : query.has('include_archived')) &&
          (agent === undefined || content.agent.id === agent) &&
          (status === undefined || (status === 'paused') === (one.paused !== null)) &&
          isWithin(one.createdAt)
        );
      };
      const read = async () => (await automations.list()).filter(isListed);
      const show = (one: Automation) => shown(one).catch(ignoreNotFound);
      const page = await readListPage({ query, name: 'deployments', read, show });
      return { ...page, data: page.data.filter((one) => one !== undefined) };
    },
    'GET /v1/deployments/:id': async ({ params }) => await shown((await found(params.id)).automation),
    async 'POST /v1/deployments/:id'({ params, body }) {
      const input = parseInput(DeploymentChange, body);
      const changed = input.resources === undefined ? undefined : withoutTokens(input.resources ?? []);
      const { automation, content: now } = await living(params.id);
      const content = {
        ...now,
        ...(input.description !== undefined && { description: input.description || null }),
        ...(input.agent && { agent: input.agent }),
        ...(input.environment_id !== undefined && { environmentId: input.environment_id }),
        ...(input.initial_events && { initialEvents: input.initial_events as Record<string, unknown>[] }),
        ...(changed && { resources: changed.resources }),
        ...(input.vault_ids !== undefined && { vaultIds: input.vault_ids ?? [] }),
        ...(input.budget !== undefined && { budget: input.budget as Record<string, unknown> | null }),
        ...(input.metadata && { metadata: applyMetadataChange(now.metadata, input.metadata) }),
      };
      const schedule = input.schedule === undefined ? automation.schedule : toSchedule(input.schedule);
      const spec = await toAutomation(input.name ?? automation.name, content, { schedule, tokens: changed?.tokens });
      const { version } = automation;
      return await shown(await automations.update(automation.id, { ...spec, version }));
    },
    async 'POST /v1/deployments/:id/archive'({ params }) {
      const { automation } = await found(params.id);
      return await shown(await archiveDeployment(automation, parts));
    },
    async 'POST /v1/deployments/:id/pause'({ params }) {
      const { automation } = await living(params.id);
      return await shown(await automations.pause(automation.id));
    },
    async 'POST /v1/deployments/:id/unpause'({ params }) {
      const { automation } = await living(params.id);
      return await shown(await automations.resume(automation.id));
    },
    async 'POST /v1/deployments/:id/run'({ params, reply }) {
      const { automation } = await living(params.id);
      const start = await automations.start(automation.id, null);
      return toDeploymentRun(await waitForDeploymentRun(start, { services, clock }, abortOnDisconnect(reply)));
    },
  };
}
type UnpinnedContent = Parameters<typeof prepareDeploymentSession>[0]['content'];

function withoutTokens(resources: readonly z.output<typeof ResourceRequest>[]) {
  const tokens: RepositoryTokens = {};
  const shown = resources.map((one) => {
    if (one.type !== 'github_repository') return one;
    const { authorization_token: token, ...rest } = one;
    tokens[one.url] = token;
    return { ...rest, checkout: rest.checkout ?? null, mount_path: rest.mount_path ?? null };
  });
  return { resources: shown, tokens };
}

const toSchedule = (input: z.output<typeof NewDeployment>['schedule']): Schedule | null =>
  input ? { cron: input.expression, timezone: input.timezone, jitterSeconds: 0, missed: 'latest' } : null;

export async function archiveAgentDeployments(
  agent: string,
  parts: Pick<FileDeps, 'services' | 'clock'>,
): Promise<void> {
  for (const automation of await parts.services.automations.list())
    if (parseDeploymentContent(automation)?.agent.id === agent) await archiveDeployment(automation, parts);
}

/** Archiving is permanent. Running sessions continue. */
async function archiveDeployment(
  { id, program }: Automation,
  { services: { automations }, clock }: Pick<FileDeps, 'services' | 'clock'>,
): Promise<Automation> {
  if (!program || program.archivedAt !== null) return await automations.get(id);
  // Pause first, so that no schedule starts the automation once its program is archived.
  await automations.pause(id);
  return await automations.update(id, { program: { ...program, archivedAt: clock.now() } });
}

import { neverFires } from '../../../../core/concurrency/cancel.ts';
import { toAppError } from '../../../../core/errors/errors.ts';
import type { AutomationPrograms, PreparedSession } from '../../../../sessions/api/server/automations.ts';
import type { SendCommand } from '../../../../sessions/api/sessions.ts';
import type { FacadeParts } from '../../../shared/facade.ts';
import { ApiError, invalid, unsupportedField } from '../errors.ts';
import { contentFiles, uploadFor } from '../resources/files.ts';
import { readContents } from '../sessions/content.ts';
import { newSession } from '../sessions/create.ts';
import { apiDeploymentId } from '../sessions/ids.ts';
import { toCommand } from '../sessions/send.ts';
import type { ManagedAgentsSettings } from '../settings.ts';
import { toRefusal } from './errors.ts';
import { type DeploymentContent, parseContent } from './shapes.ts';

export interface PrepareDeps {
  readonly services: FacadeParts['services'];
  readonly projects: FacadeParts['projects'];
  readonly clock: FacadeParts['clock'];
  readonly ids: () => string;
  readonly settings: ManagedAgentsSettings;
}
interface Deployment {
  readonly name: string;
  readonly content: Omit<DeploymentContent, 'agent'> & {
    readonly agent: { readonly id: string; readonly version?: number | null | undefined };
  };
  /** Undefined: it is new. */
  readonly id?: string;
}

/** Prepares the session of a run, as the program would create it now. Rejects: invalid_request, not_found. */
export async function prepareSession({ name, content, id }: Deployment, deps: PrepareDeps): Promise<PreparedSession> {
  const { services, settings, clock, ids } = deps;
  const uploadOf = (file: string) =>
    uploadFor(file, deps).catch((thrown: unknown) => {
      const { code, publicMessage } = toAppError(thrown);
      throw code === 'not_found' ? new ApiError(code, publicMessage, { errorCode: 'file_not_found' }) : thrown;
    });
  const body = {
    agent: { type: 'agent', ...content.agent },
    environment_id: content.environmentId,
    title: name,
    resources: content.resources,
    vault_ids: content.vaultIds,
    budget: content.budget,
    initial_events: content.initialEvents,
  };
  // A deployment is stored and shown; a token must not be.
  if (content.resources.some(({ type }) => type === 'github_repository'))
    throw unsupportedField('resources of the type "github_repository" in a deployment', 'send files and memory stores');
  const { command, initial } = await newSession(body, {
    services,
    settings,
    uploadOf,
    newId: () => `${ids()}${ids()}`,
    now: () => clock.now(),
    ...(id !== undefined && { deploymentId: apiDeploymentId(id) }),
  });
  const messages: SendCommand[] = [];
  for (const event of initial) {
    if (event.type !== 'user.message' && event.type !== 'user.define_outcome')
      throw invalid(`initial_events: ${event.type} cannot begin a session.`);
    messages.push(toCommand(event, await readContents([event], { ...contentFiles(deps, neverFires), uploadOf })));
  }
  return { command, messages };
}

type Prepare = Parameters<AutomationPrograms['serve']>[1];
type RunDeps = Omit<PrepareDeps, 'services'> & Pick<FacadeParts, 'acting'>;

/** Prepares the sessions of runs, each with the permissions of its deployment's owner. */
export function prepareDeployment({ acting, ...deps }: RunDeps): Prepare {
  return async (automation, principal) => {
    const content = parseContent(automation);
    if (!content) throw invalid('The automation is no deployment.');
    const { id, name } = automation;
    try {
      return await prepareSession({ id, name, content }, { ...deps, services: acting(principal).services });
    } catch (thrown) {
      throw toRefusal(thrown);
    }
  };
}

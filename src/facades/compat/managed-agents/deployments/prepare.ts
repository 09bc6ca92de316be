import { z } from 'zod';
import { neverAbortingSignal } from '../../../../core/concurrency/cancel.ts';
import { toAppError } from '../../../../core/errors/errors.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import { maxRepositories } from '../../../../core/model/repository.ts';
import { parseJsonWithinLimits } from '../../../../core/text/json.ts';
import type { AutomationApiRegistry, PreparedAutomationStart } from '../../../../sessions/api/server/automations.ts';
import type { SendUserMessageCommand } from '../../../../sessions/api/sessions.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import { invalidRequestError, ManagedAgentsError } from '../errors.ts';
import { createContentFileStore, type FileDeps, findUploadId } from '../resources/files.ts';
import { readEventContents } from '../sessions/content.ts';
import { prepareManagedSession } from '../sessions/create.ts';
import { toApiDeploymentId } from '../sessions/ids.ts';
import { putRepositoryToken } from '../sessions/repository-resources.ts';
import { toSendCommand } from '../sessions/send.ts';
import type { ManagedAgentsSettings } from '../settings.ts';
import { toAutomationStartError } from './errors.ts';
import { type DeploymentContent, parseDeploymentContent } from './shapes.ts';

export interface PreparationDeps extends FileDeps {
  readonly settings: ManagedAgentsSettings;
}
interface Deployment {
  readonly name: string;
  readonly content: Omit<DeploymentContent, 'agent'> & {
    readonly agent: { readonly id: string; readonly version?: number | null | undefined };
  };
  readonly id?: string;
  /** Stored separately from `content`. Undefined only when checking an update that does not change the resources. */
  readonly tokens?: RepositoryTokens | undefined;
}

/** Rejects: invalid_request, not_found, unsupported (this server keeps no files). */
export async function prepareDeploymentSession(
  { name, content, id, tokens: kept }: Deployment,
  deps: PreparationDeps,
): Promise<PreparedAutomationStart> {
  const { services, settings, clock, ids } = deps;
  const resolveUpload = (file: string) =>
    findUploadId(file, deps).catch((thrown: unknown) => {
      const { code, publicMessage } = toAppError(thrown);
      throw code === 'not_found'
        ? new ManagedAgentsError(code, publicMessage, { errorCode: 'file_not_found' })
        : thrown;
    });
  const body = {
    agent: { type: 'agent', ...content.agent },
    environment_id: content.environmentId,
    title: name,
    resources: content.resources.map((one) =>
      one.type === 'github_repository' ? { ...one, authorization_token: tokenFor(`${one.url}`, kept) } : one,
    ),
    vault_ids: content.vaultIds,
    budget: content.budget,
    initial_events: content.initialEvents,
  };
  const { command, initial, tokens } = await prepareManagedSession(body, {
    services,
    settings,
    resolveUpload,
    newId: () => `${ids()}${ids()}`,
    now: () => clock.now(),
    ...(id !== undefined && { deploymentId: toApiDeploymentId(id) }),
  });
  const messages: SendUserMessageCommand[] = [];
  for (const event of initial) {
    if (event.type !== 'user.message' && event.type !== 'user.define_outcome')
      throw invalidRequestError(`initial_events: ${event.type} cannot begin a session.`);
    messages.push(
      toSendCommand(
        event,
        await readEventContents([event], { ...createContentFileStore(deps, neverAbortingSignal), resolveUpload }),
      ),
    );
  }
  const begin = async (session: SessionId) => {
    for (const token of tokens) await putRepositoryToken(services.sessionCredentials, session, token);
  };
  return { command, messages, begin };
}

/** Keyed by repository URL. Stored separately from the visible fields. */
export const RepositoryTokens = z.record(z.string(), z.string());
export type RepositoryTokens = z.output<typeof RepositoryTokens>;
const tokenLimits = { maxBytes: 128 * 1024, maxDepth: 1, maxValues: maxRepositories + 1 };
const noToken = 'checked-without-token';
function tokenFor(url: string, tokens: RepositoryTokens | undefined): string {
  const token = tokens ? tokens[url] : noToken;
  if (token === undefined)
    throw invalidRequestError(`resources: the deployment has no token for ${url}. Update its resources.`);
  return token;
}

type Prepare = Parameters<AutomationApiRegistry['serve']>[1];
type RunDeps = Omit<PreparationDeps, 'services'> & Pick<FacadeDeps, 'acting'>;

export function createSessionPreparer({ acting, ...deps }: RunDeps): Prepare {
  return async (automation, { as, secret }) => {
    const content = parseDeploymentContent(automation);
    if (!content) throw invalidRequestError('The automation is no deployment.');
    const { id, name } = automation;
    try {
      const tokens = RepositoryTokens.parse(secret ? parseJsonWithinLimits(secret.reveal(), tokenLimits) : {});
      return await prepareDeploymentSession({ id, name, content, tokens }, { ...deps, services: acting(as).services });
    } catch (thrown) {
      throw toAutomationStartError(thrown);
    }
  };
}

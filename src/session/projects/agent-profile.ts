import { toAppError } from '../../core/errors.ts';
import { assumedAbilities, type Model } from '../../llm/model.ts';
import { toolRegistry } from '../../tools/registry.ts';
import type { Tool } from '../../tools/tool.ts';
import { toolsOf } from '../../tools/words.ts';
import type { Profile, ProfileOf } from '../run/profile.ts';
import type { AgentConfigService } from './agent-presets.ts';
import { joinModel, splitModel } from './providers.ts';
import { samplingOf } from './sampling.ts';

interface Deps {
  readonly agents: Pick<AgentConfigService, 'get'>;
  /** The profile of sessions without a project. */
  readonly usual: Profile;
  /** Tools that only some installations have, for projects that turn their group on. */
  readonly more?: readonly Tool[];
  /** Rejects when the model cannot be created: no key, unknown provider. */
  readonly modelFor: (name: string) => Promise<Model>;
}

/**
 * Sessions of a project follow its agent configuration and make no plan; all others follow the server's settings. A
 * session's own model precedes both.
 */
export function agentProfiles(deps: Deps): ProfileOf {
  const { modelFor } = deps;
  const shared = sharedProfiles(deps);
  return async (session) => {
    const profile = await shared(session);
    const { model: own } = session;
    if (own === undefined) return profile;
    const model = await modelFor(own).catch((error: unknown) => refusingModel(own, error));
    return { ...profile, model, plans: profile.plans || own === 'demo' };
  };
}

function sharedProfiles({ agents, usual, more = [], modelFor }: Deps): ProfileOf {
  return async ({ projectId }) => {
    const config = projectId === null ? undefined : await agents.get(projectId).catch(() => undefined);
    if (!config) return usual; // the project may be in deletion
    const name = joinModel(config.provider, config.model);
    const sampling = samplingOf(config.options);
    return {
      // A session must stay readable and stoppable when its model cannot be created, so the error appears in the run.
      model: await modelFor(name).catch((error: unknown) => refusingModel(name, error)),
      tools: toolRegistry(toolsOf(config.tools), 'off', more),
      // The demo model needs a plan, because each block of its script is a step.
      plans: config.provider === 'demo',
      ...(config.prompt !== null && { prompt: config.prompt }),
      ...(sampling && { sampling }),
    };
  };
}

function refusingModel(name: string, error: unknown): Model {
  const message = toAppError(error).publicMessage;
  const { provider } = splitModel(name);
  return {
    name,
    abilities: assumedAbilities,
    async *turn() {
      yield {
        type: 'end',
        outcome: { kind: 'failed', code: 'model_unauthorized', message: `${provider}: ${message}`, retryable: false },
      };
    },
  };
}

import { toAppError } from '../../core/errors.ts';
import type { Model } from '../../llm/model.ts';
import { toolRegistry } from '../../tools/registry.ts';
import type { Profile, ProfileOf } from '../run/profile.ts';
import type { AgentConfigService } from './agent-presets.ts';
import { functionsOf } from './agent-templates.ts';
import { joinModel, splitModel } from './providers.ts';
import { samplingOf } from './sampling.ts';

interface Deps {
  readonly agents: Pick<AgentConfigService, 'get'>;
  /** The profile of sessions without a project. */
  readonly usual: Profile;
  /** Rejects when the model cannot be created: no key, unknown provider. */
  readonly modelFor: (name: string) => Promise<Model>;
}

/** Sessions of a project follow its agent configuration and make no plan; all others follow the server's settings. */
export function agentProfiles({ agents, usual, modelFor }: Deps): ProfileOf {
  return async ({ projectId }) => {
    const config = projectId === null ? undefined : await agents.get(projectId).catch(() => undefined);
    if (!config) return usual; // the project may be in deletion
    const name = joinModel(config.provider, config.model);
    const sampling = samplingOf(config.options);
    return {
      // A session must stay readable and stoppable when its model cannot be created, so the error appears in the run.
      model: await modelFor(name).catch((error: unknown) => refusingModel(name, error)),
      tools: toolRegistry(functionsOf(config.tools)),
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
    async *turn() {
      yield {
        type: 'end',
        outcome: { kind: 'failed', code: 'model_unauthorized', message: `${provider}: ${message}`, retryable: false },
      };
    },
  };
}

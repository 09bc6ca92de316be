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
  /** For sessions that belong to no project. */
  readonly usual: Profile;
  /** Rejects where it cannot be made: no key, unknown provider. */
  readonly modelFor: (name: string) => Promise<Model>;
}

/** A project's sessions work as its agent configuration says, step by step without a plan; all others as configured. */
export function agentProfiles({ agents, usual, modelFor }: Deps): ProfileOf {
  return async ({ projectId }) => {
    const config = projectId === null ? undefined : await agents.get(projectId).catch(() => undefined);
    if (!config) return usual; // also while its project is being deleted
    const name = joinModel(config.provider, config.model);
    const sampling = samplingOf(config.options);
    return {
      // A session must be readable and stoppable without its model: what is wrong with it ends the run that asks.
      model: await modelFor(name).catch((error: unknown) => refusingModel(name, error)),
      tools: toolRegistry(functionsOf(config.tools)),
      // The demo model follows a plan by its nature: each of its blocks is a step.
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

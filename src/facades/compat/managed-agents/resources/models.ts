import { AppError } from '../../../../core/errors/errors.ts';
import { compileGlobs } from '../../../../core/text/glob.ts';
import type { ProviderModels } from '../../../../sessions/api/models.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError } from '../errors.ts';
import type { ApiRoutes } from '../route.ts';
import type { ManagedAgentsSettings } from '../settings.ts';
import { toIsoTime } from '../wire.ts';

type Models = Pick<Services, 'models'>;
const listMs = 15_000;

/** Lists Anthropic's models by bare id, and all others as `provider/model`. */
async function listed({ models }: Models) {
  const offered = await models.offered(AbortSignal.timeout(listMs));
  return offered.flatMap(toInfos);
}
function toInfos({ provider, models }: ProviderModels) {
  return models.map(({ id, name, window, maxOutput }) => ({
    id: provider === 'anthropic' ? id : `${provider}/${id}`,
    type: 'model' as const,
    display_name: name,
    created_at: toIsoTime(0),
    lifecycle: 'active' as const,
    deprecated_at: null,
    retires_at: null,
    line: null,
    max_input_tokens: window ?? null,
    max_tokens: maxOutput ?? null,
    capabilities: null,
  }));
}

type ModelNames = Pick<ManagedAgentsSettings, 'models'>;
function configuredModel(name: string, settings: ModelNames): string | undefined {
  for (const entry of settings.models) {
    const at = entry.indexOf('=');
    if (compileGlobs([entry.slice(0, at)])(name)) return entry.slice(at + 1);
  }
  return undefined;
}

/** Rejects: invalid_request, with some of the available models in its message. */
export async function findModelRef(
  name: string,
  { models, settings }: Models & { readonly settings: ModelNames },
): Promise<string> {
  const other = configuredModel(name, settings);
  if (other !== undefined) return other;
  if (name === 'demo' || name.includes('/')) return name;
  if (name.startsWith('claude')) return `anthropic/${name}`;
  const all = await listed({ models });
  const found = all.find(({ id }) => id.slice(id.indexOf('/') + 1) === name);
  if (found) return found.id;
  const some = all.slice(0, 8).map(({ id }) => id);
  const known = some.length === 0 ? 'provider/model, such as openai/gpt-5' : some.join(', ');
  throw invalidRequestError(`model: no provider of this server has ${name}. Write it as ${known}.`);
}
export function createModelRoutes(services: Models, settings: ModelNames): ApiRoutes {
  return {
    async 'GET /v1/models'({ query }) {
      const limit = query.integer('limit', { min: 1, max: 1_000, usual: 20 });
      const requested = query.all('lifecycle');
      const all = (await listed(services)).filter(
        ({ lifecycle }) => requested.length === 0 || requested.includes(lifecycle),
      );
      const [after, before] = [query.one('after_id'), query.one('before_id')];
      const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
      const end = before === undefined ? all.length : all.findIndex(({ id }) => id === before);
      if ((after !== undefined && start === 0) || end < 0)
        throw invalidRequestError('after_id or before_id names no model.');
      const between = all.slice(start, end);
      const data = before === undefined ? between.slice(0, limit) : between.slice(-limit);
      return {
        data,
        has_more: between.length > data.length,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
      };
    },
    async 'GET /v1/models/*'({ params }) {
      const id = params['*'] ?? '';
      const all = await listed(services); // called first, because it also checks the caller
      if (id.length > 200) throw invalidRequestError('The name of a model has at most 200 characters.');
      const target = configuredModel(id, settings)?.replace(/^anthropic\//, '') ?? id;
      const found = all.find((one) => one.id === target);
      if (!found) throw new AppError('not_found', `There is no model ${id}.`);
      return { ...found, id };
    },
  };
}

import { z } from 'zod';
import type { SamplingOptions } from '../../agents/models/model.ts';
import { toolGroups } from '../../agents/tools/tool.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { ToolProgram } from '../../core/model/tool-server.ts';
import { changeRecord } from '../../storage/collection.ts';
import type { TemplateInfo, TemplateService } from '../api/server/templates.ts';
import { formatModelRef, parseModelRef, type SupportedProvider } from './providers.ts';

const firstTemplate = 'default';
const AgentConfig = z.object({
  id: z.string(),
  projectId: z.string(),
  /** Template from which `environment`, `prompt` and `tools` were copied. */
  template: z.string().default(firstTemplate),
  agentType: z.string(),
  environment: z.string().nullable(),
  prompt: z.string().nullable(),
  tools: z.array(z.enum(toolGroups)),
  provider: z.string(),
  model: z.string(),
  /** False until the project chooses a model; until then, the template's model applies. */
  isOwnModel: z.boolean().default(true),
  /** Null if the fallbacks come from the template or the settings. */
  fallbacks: z.array(z.string()).nullable().default(null),
  toolServers: z.array(ToolProgram).default([]),
  options: z.record(z.string(), z.unknown()),
});
export type AgentConfig = z.infer<typeof AgentConfig>;
export type AgentConfigChange = Partial<Omit<AgentConfig, 'id' | 'projectId' | 'template' | 'isOwnModel'>>;

/** Rejects only with AppError. The code is not_found for an unknown project. */
export interface AgentConfigService {
  get(projectId: string): Promise<AgentConfig>;
  /** Rejects: invalid_request (an unknown provider, a forbidden model or fallback, or unsupported options). */
  update(projectId: string, change: AgentConfigChange): Promise<AgentConfig>;
  /** Keeps the provider and the model if the project chose them or the template names no model. */
  apply(projectId: string, template: TemplateInfo): Promise<AgentConfig>;
}
interface Deps extends Pick<ServerDependencies, 'newId' | 'records'> {
  readonly templates: Pick<TemplateService, 'get'>;
  readonly providers: () => Promise<readonly Pick<SupportedProvider, 'id'>[]>;
  /** CORRAL_MODEL, the model of a new project whose template names no model. */
  readonly model: string;
  readonly checkModel?: (ref: string) => void;
}
const kind = 'agent-config';
const missing = () => new AppError('not_found', 'There is no such project.');
/** The OpenCodex API has several agent types; Corral has one. */
export const agentType = 'code_agent';

export function createAgentConfigService(deps: Deps): AgentConfigService & AgentConfigLifecycle {
  const { records, newId, templates, providers, model, checkModel } = deps;
  const read = async (projectId: string) => {
    const found = await records.get(kind, projectId);
    if (!found) throw missing();
    return AgentConfig.parse(found.doc);
  };
  const change = async (projectId: string, fields: Partial<AgentConfig>): Promise<AgentConfig> => {
    const input = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
    const changed = await changeRecord(records, { kind, id: projectId }, (found) => {
      if (!found) throw missing();
      return { doc: AgentConfig.parse({ ...AgentConfig.parse(found.doc), ...input }) };
    });
    return changed?.doc as AgentConfig;
  };
  return {
    get: read,
    async update(projectId, fields) {
      const known = new Set((await providers()).map(({ id }) => id));
      if (fields.provider !== undefined && !known.has(fields.provider)) {
        throw new AppError('invalid_request', `There is no provider ${fields.provider}.`);
      }
      if (fields.options !== undefined) checkSamplingOptions(fields.options);
      if (fields.provider !== undefined || fields.model !== undefined) {
        const config = await read(projectId);
        checkModel?.(formatModelRef(fields.provider ?? config.provider, fields.model ?? config.model));
      }
      for (const ref of fields.fallbacks ?? []) {
        const { provider } = parseModelRef(ref);
        if (!known.has(provider)) {
          throw new AppError('invalid_request', `The fallback ${ref} uses the unknown provider ${provider}.`);
        }
        checkModel?.(ref);
      }
      const choosesModel = fields.provider !== undefined || fields.model !== undefined;
      return await change(projectId, { ...fields, ...(choosesModel && { isOwnModel: true }) });
    },
    async apply(projectId, template) {
      const config = await read(projectId);
      const named = config.isOwnModel || template.model === undefined ? {} : parseModelRef(template.model);
      return await change(projectId, { ...toFields(template), ...named });
    },
    async create(projectId) {
      const template = templates.get(firstTemplate);
      const named = parseModelRef(template.model ?? model);
      const own = { isOwnModel: false, fallbacks: null, toolServers: [], options: {} };
      const doc = { id: newId(), projectId, ...toFields(template), ...named, ...own };
      await records.put({ kind, id: projectId, doc });
    },
    delete: (projectId) => records.delete(kind, projectId),
  };
}

export interface AgentConfigLifecycle {
  create(projectId: string): Promise<void>;
  delete(projectId: string): Promise<void>;
}

const toFields = ({ name, environment, prompt, groups }: TemplateInfo) => ({
  template: name,
  agentType,
  environment: environment ?? null,
  prompt: prompt ?? null,
  tools: [...groups],
});

/** Option names in agent configurations, which differ from the model port's. */
const Options = z.strictObject({
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(1).max(1_000).nullish(),
  max_tokens: z.int().min(1).max(1_000_000).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(5)]).nullish(),
});
const known = Object.keys(Options.shape).join(', ');

/** Throws: invalid_request, including for an unknown option. */
export function checkSamplingOptions(options: Readonly<Record<string, unknown>>): void {
  const { error } = Options.safeParse(options);
  if (!error) return;
  const [issue] = error.issues;
  const text =
    issue?.code === 'unrecognized_keys'
      ? `${issue.keys.join(', ')} is not a known field. Known fields: ${known}.`
      : `${issue?.path.join('.')}: ${issue?.message}`;
  throw new AppError('invalid_request', `llm_config: ${text}`);
}

export function parseSampling(options: Readonly<Record<string, unknown>>): SamplingOptions | undefined {
  const { temperature, top_p, top_k, max_tokens, stop } = Options.parse(options);
  const sampling: SamplingOptions = {
    ...(typeof temperature === 'number' && { temperature }),
    ...(typeof top_p === 'number' && { topP: top_p }),
    ...(typeof top_k === 'number' && { topK: top_k }),
    ...(typeof max_tokens === 'number' && { maxOutputTokens: max_tokens }),
    ...(stop && { stop: [stop].flat() }),
  };
  return Object.keys(sampling).length === 0 ? undefined : sampling;
}

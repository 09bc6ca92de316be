import { z } from 'zod';

const name = z.string().min(1).max(200);
const option = z.object({ category: z.string(), currentValue: name });
const spent = z.object({ model: name, token_count: z.unknown() });
/** The ways in which agents name their model, in sessions, updates and answers. */
const Message = z.object({
  models: z.object({ currentModelId: name }).optional().catch(undefined),
  configOptions: z.array(z.unknown()).optional().catch(undefined),
  _meta: z
    .object({
      '_claude/model': name.optional().catch(undefined),
      quota: z
        .object({ model_usage: z.array(spent).max(20) })
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});
/** Names for the model that the agent prefers. */
const unknownModels = new Set(['default', 'auto']);

/** The model that a message of an agent names; undefined where it names none. */
export function modelIn(message: unknown): string | undefined {
  const { models, configOptions = [], _meta } = Message.safeParse(message).data ?? {};
  const chosen = configOptions.map((one) => option.safeParse(one).data).find((one) => one?.category === 'model');
  const told =
    _meta?.['_claude/model'] ??
    _meta?.quota?.model_usage.at(-1)?.model ??
    models?.currentModelId ??
    chosen?.currentValue;
  return told === undefined || unknownModels.has(told) ? undefined : told;
}

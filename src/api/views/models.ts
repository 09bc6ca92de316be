import { z } from 'zod';
import { Secret } from '../../core/text/secret.ts';
import type { ModelAccess } from '../../sessions/api/models.ts';

// The models that sessions can use, as clients see and change them.

const Provider = z.object({
  id: z.string(),
  name: z.string(),
  /** `compatible`: a server that speaks Chat Completions, under a name that somebody chose. */
  kind: z.enum(['known', 'compatible']),
  /** Whether sessions can use it: it has a key, or needs none. */
  isReady: z.boolean(),
  /** The source of the key and the address. */
  from: z.enum(['settings', 'page', 'nowhere']),
  /** The variable or setting that precedes what people enter. */
  setBy: z.string().nullable(),
  /** Null: not shown to this caller, or the provider's own. */
  address: z.string().nullable(),
});
export const ModelsInForce = z.object({
  /** The model of sessions that chose none: `demo` or `provider/model`. */
  model: z.string(),
  /** The variable or setting that precedes the choice that people made; null: the choice counts. */
  setBy: z.string().nullable(),
  chosen: z.string().nullable(),
  /** Why only the demo can be used here, and what helps. */
  refusal: z.string().nullable(),
  providers: z.array(Provider).readonly(),
  canChange: z.boolean(),
});
const ListedModel = z.object({
  /** Without the provider. */
  id: z.string(),
  name: z.string(),
  /** Tokens of a request and its reply together; absent facts are unknown. */
  window: z.int().optional(),
  maxOutput: z.int().optional(),
  images: z.boolean().optional(),
  tools: z.boolean().optional(),
  reasoning: z.boolean().optional(),
  /** Per million tokens, in the currency of the price list. */
  price: z.object({ input: z.number(), output: z.number() }).optional(),
});
export const OfferedModels = z.object({
  providers: z
    .array(
      z.object({
        provider: z.string(),
        name: z.string(),
        models: z.array(ListedModel).readonly(),
        /** Why its list is not there. */
        trouble: z.string().nullable(),
      }),
    )
    .readonly(),
});
export const TestedAccess = z.object({
  ok: z.boolean(),
  /** Why not, and what to do. */
  message: z.string(),
  models: z.array(ListedModel).readonly(),
});

const access = {
  /** gemini, openai, anthropic, or a name for a server that speaks Chat Completions. */
  provider: z.string().min(1).max(31),
  /** The form of such a server's answer, as far as `/models` and `/chat/completions` follow it. */
  baseUrl: z.string().min(1).max(2_000).optional(),
  /** Without it the stored one is used, or none. */
  key: z.string().trim().min(1).max(8_192).optional(),
};
export const ModelAccessInput = z.strictObject(access);
export const UseModelInput = z.strictObject({ ...access, model: z.string().min(1).max(200).regex(/^\S+$/) });
export const ProviderInput = z.strictObject({ provider: z.string().min(1).max(31) });

export const accessOf = ({ key, ...rest }: z.output<typeof ModelAccessInput>): ModelAccess => ({
  ...rest,
  ...(key !== undefined && { key: new Secret(key) }),
});

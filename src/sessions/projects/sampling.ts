import { z } from 'zod';
import type { SamplingOptions } from '../../agents/models/model.ts';
import { AppError } from '../../core/errors/errors.ts';

/** Option names in agent configurations, which differ from the model port's. */
const Options = z.strictObject({
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(1).max(1_000).nullish(),
  max_tokens: z.int().min(1).max(1_000_000).nullish(),
  stop: z.union([z.string().min(1), z.array(z.string().min(1)).max(5)]).nullish(),
});
const known = Object.keys(Options.shape).join(', ');

/** Throws: invalid_request for an invalid value, or for an unknown option, which would have no effect. */
export function checkSamplingOptions(options: Readonly<Record<string, unknown>>): void {
  const { error } = Options.safeParse(options);
  if (!error) return;
  const [issue] = error.issues;
  const text =
    issue?.code === 'unrecognized_keys'
      ? `${issue.keys.join(', ')} is not known; these are: ${known}.`
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

import { z } from 'zod';
import { truncateEnd } from '../../core/text/text.ts';

export const modelRefPattern = /^(demo|[a-z0-9][a-z0-9-]{0,30}\/\S+)$/;
export const fallbackRefPattern = /^[a-z0-9][a-z0-9-]{0,30}\/\S+$/;
export const ModelRef = z
  .string()
  .max(200)
  .regex(modelRefPattern, {
    error: ({ input }) =>
      `"${truncateEnd(String(input), 80)}" is not a model. Write provider/name, such as openai/gpt-5-mini, or demo`,
  });
/** The demo model cannot be a fallback. */
export const FallbackRefs = z.array(z.string().max(200).regex(fallbackRefPattern, 'must be provider/model')).max(8);

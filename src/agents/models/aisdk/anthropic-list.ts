import { z } from 'zod';
import { type Listing, ModelId, ModelName, Tokens } from '../model-list.ts';

const Page = z.object({
  data: z.array(z.unknown()),
  has_more: z.boolean().default(false),
  last_id: z.string().max(200).nullish(),
});
const Entry = z.object({ id: ModelId, display_name: ModelName, max_input_tokens: Tokens, max_tokens: Tokens });

/** GET /v1/models of Anthropic. */
export const anthropicListing: Listing = {
  path: (after) => `/v1/models?limit=1000${after === undefined ? '' : `&after_id=${encodeURIComponent(after)}`}`,
  read(body) {
    const { data, has_more, last_id } = Page.parse(body);
    const entries = data.flatMap((entry) => Entry.safeParse(entry).data ?? []);
    return {
      next: has_more ? (last_id ?? undefined) : undefined,
      models: entries.map(({ id, display_name, max_input_tokens: window, max_tokens: maxOutput }) => ({
        id,
        name: display_name ?? id,
        window,
        maxOutput,
        images: true,
        tools: true,
      })),
    };
  },
};

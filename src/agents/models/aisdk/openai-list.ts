import { z } from 'zod';
import { type Listing, ModelId } from '../model-list.ts';

const Page = z.object({ data: z.array(z.unknown()) });
const Entry = z.object({ id: ModelId });
/** The list has every model of the account and says nothing of their kinds, so the names have to. */
const agents = /^(ft:)?(gpt-|o\d|chatgpt-|codex-)/;
const others = /audio|realtime|transcribe|tts|image|search|instruct|embedding|moderation|deep-research/;

/** GET /v1/models of OpenAI, which says nothing but names. */
export const openaiListing: Listing = {
  path: () => '/models',
  read: (body) => ({
    models: Page.parse(body)
      .data.flatMap((entry) => Entry.safeParse(entry).data ?? [])
      .filter(({ id }) => agents.test(id) && !others.test(id))
      .map(({ id }) => ({ id, name: id })),
  }),
};

import { createGeminiModel, type GeminiOptions } from '../../../src/agents/models/gemini/gemini.ts';
import { defaultCapabilities, type Model } from '../../../src/agents/models/model.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { manualClock } from '../machines/manual-clock.ts';
import { fakeGemini } from './fake-gemini.ts';

export const canaryKey = 'AIza-canary-7f3b';

/** A model that calls the fake Gemini; only the test moves its clock. */
export function modelOver(server: { readonly url: string }, more: Partial<GeminiOptions> = {}): Model {
  let n = 0;
  const options = {
    model: 'gemini-2.5-flash',
    abilities: { ...defaultCapabilities, images: true, forcedTool: true },
    key: new Secret(canaryKey),
    advice: { key: 'GEMINI_API_KEY (models.gemini.api-key)', baseUrl: 'models.gemini.base-url' },
    clock: manualClock(),
    newId: () => `id${++n}`,
  };
  return createGeminiModel({ ...options, baseUrl: server.url, ...more });
}

export async function geminiBench(...args: Parameters<typeof fakeGemini>) {
  const server = await fakeGemini(...args);
  return { ...server, model: modelOver(server) };
}

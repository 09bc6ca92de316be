import { fakeRefs } from './models.ts';
import { fakeKey } from './server.ts';
import type { WireName } from './wire-format.ts';

const places: Readonly<Record<WireName, (url: string) => Record<string, string>>> = {
  gemini: (url) => ({ GEMINI_API_KEY: fakeKey, CORRAL_MODELS_GEMINI_BASE_URL: url }),
  anthropic: (url) => ({ ANTHROPIC_API_KEY: fakeKey, CORRAL_MODELS_ANTHROPIC_BASE_URL: url }),
  openai: (url) => ({ OPENAI_API_KEY: fakeKey, CORRAL_MODELS_OPENAI_BASE_URL: url }),
  compatible: (url) => ({
    CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': url, 'api-key': fakeKey } }),
  }),
};

/** The settings of a server whose model is a fake provider at this address. */
export const fakeSettings = (wire: WireName, url: string): Record<string, string> => ({
  CORRAL_MODEL: fakeRefs[wire],
  ...places[wire](url),
});
export const wireNames = Object.keys(places) as WireName[];

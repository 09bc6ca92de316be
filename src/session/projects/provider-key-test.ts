import { deadline } from '../../core/cancel.ts';
import type { Clock } from '../../core/clock.ts';
import type { Secret } from '../../core/secret.ts';

export interface KeyVerdict {
  readonly valid: boolean;
  readonly message: string;
}
interface Question {
  readonly base: string;
  readonly path: string;
  headers(key: string): Record<string, string>;
}
const withinMs = 9_000;

// Listing models is free and needs a valid key at all three providers.
const questions: Readonly<Record<string, Question>> = {
  gemini: {
    base: 'https://generativelanguage.googleapis.com',
    path: '/v1beta/models?pageSize=1',
    headers: (key) => ({ 'x-goog-api-key': key }),
  },
  openai: {
    base: 'https://api.openai.com/v1',
    path: '/models',
    headers: (key) => ({ authorization: `Bearer ${key}` }),
  },
  anthropic: {
    base: 'https://api.anthropic.com',
    path: '/v1/models?limit=1',
    headers: (key) => ({ 'x-api-key': key, 'anthropic-version': '2023-06-01' }),
  },
};

/** Asks a provider whether it accepts a key. The verdict contains neither the key nor the provider's text. */
export function keyTester(baseUrls: Readonly<Record<string, string | undefined>>, clock: Clock) {
  return async (provider: string, key: Secret, signal: AbortSignal): Promise<KeyVerdict> => {
    const question = questions[provider];
    if (!question) return { valid: false, message: `There is nothing to ask ${provider}.` };
    const base = (baseUrls[provider] ?? question.base).replace(/\/+$/, '');
    using until = deadline(withinMs, clock, signal);
    try {
      const response = await fetch(base + question.path, {
        headers: question.headers(key.reveal()),
        signal: until.signal,
        redirect: 'error', // a redirect would send the key to another host
      });
      await response.body?.cancel();
      return verdict(response.status);
    } catch {
      return { valid: false, message: 'The provider could not be reached.' };
    }
  };
}

function verdict(status: number): KeyVerdict {
  if (status >= 200 && status < 300) return { valid: true, message: 'The provider accepts this key.' };
  if (status === 429) return { valid: true, message: 'The provider knows this key, which is over its limit now.' };
  if (status >= 500) return { valid: false, message: `The provider failed with status ${status}. Try again later.` };
  return { valid: false, message: `The provider refused this key (status ${status}).` };
}

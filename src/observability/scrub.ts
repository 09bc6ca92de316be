import type { Secret } from '../core/text/secret.ts';
import { listSecretEncodings, minMaskedChars } from '../core/text/secret-forms.ts';

export interface Scrubber {
  learn(secret: Secret): void;
  scrub(text: string): string;
}

const mask = '[secret]';

export function createScrubber(secrets: readonly (Secret | undefined)[] = []): Scrubber {
  const forms = new Set<string>();
  let known: RegExp | undefined;
  const learn = (secret: Secret) => {
    const value = secret.reveal();
    if (value.length < minMaskedChars) return;
    for (const form of listSecretEncodings(value)) forms.add(form);
    // longest first, so that no part of a longer form stays visible
    const longestFirst = [...forms].sort((a, b) => b.length - a.length);
    known = new RegExp(longestFirst.map((form) => RegExp.escape(form)).join('|'), 'g');
  };
  for (const secret of secrets) if (secret) learn(secret);
  return {
    learn,
    scrub(text) {
      const masked = known ? text.replace(known, mask) : text;
      return masked.replace(namedFields, `$1"${mask}"`).replace(queryValues, `$1${mask}`).replace(bearers, `$1${mask}`);
    },
  };
}

const names =
  'authorization|proxy-authorization|cookie|set-cookie|(?:[a-z0-9_-]*[_-])?(?:token|password|secret|api[_-]?key)|apiKey|[a-z]+Token';
/** Matches fields such as `"token":"…"`, including in JSON inside a string (`\"token\":\"…\"`). */
const namedFields = new RegExp(`("(?:${names})\\\\*"\\s*:\\s*)\\\\*"(?:[^"\\\\]|\\\\.)*"`, 'gi');
const queryValues = /([?&;](?:token|access_token|key|api_key|signature)=)[^&\s"'#\\]+/gi;
const bearers = /(\b(?:Bearer|Basic) +|corral\.bearer\.)[A-Za-z0-9._~+/=-]{6,}/gi;

import type { Secret } from './secret.ts';
import { trimEndCharacters } from './text.ts';

/**
 * Minimum length at which a secret is recognized in logs and in answers to a sandbox; a shorter one would match ordinary
 * words. `maskSecret` masks any length.
 */
export const minMaskedChars = 6;

/** Replaces each form of the secret with `mask`, for example in an error from a provider that received the secret. */
export function maskSecret(text: string, secret: Secret, mask: string): string {
  // longest first, so that no part of a secret remains
  const forms = listSecretEncodings(secret.reveal()).sort((a, b) => b.length - a.length);
  return forms.reduce((masked, form) => masked.replaceAll(form, mask), text);
}

/** The encodings in which a secret may appear: plain text, URL or form, JSON, hex and base64. */
export function listSecretEncodings(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  return [
    value,
    encodeURIComponent(value),
    new URLSearchParams({ v: value }).toString().slice(2),
    json,
    Buffer.from(value).toString('hex'),
    ...base64Of(value),
  ];
}

/**
 * The value as it appears in the base64 of a longer text, at each of the three offsets, without the characters that depend
 * on neighbouring bytes.
 */
function base64Of(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const whole = trimEndCharacters(bytes.toString('base64'), '=');
    const shared = bytes.length % 3 === 0 ? 0 : 1;
    const own = whole.slice(Math.ceil((offset * 4) / 3), whole.length - shared);
    return own.length < minMaskedChars ? [] : [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

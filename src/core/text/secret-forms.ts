import type { Secret } from './secret.ts';
import { trimEndCharacters } from './text.ts';

/** Shorter secrets are not detected in logs or responses, because they could match ordinary words. */
export const minMaskedChars = 6;

/** Masks the secret in every encoding. */
export function maskSecret(text: string, secret: Secret, mask: string): string {
  // longest first, so that no part remains
  const forms = listSecretEncodings(secret.reveal()).sort((a, b) => b.length - a.length);
  return forms.reduce((masked, form) => masked.replaceAll(form, mask), text);
}

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

/** The value's base64 at each of the three offsets, without characters that depend on neighbouring bytes. */
function base64Of(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const whole = trimEndCharacters(bytes.toString('base64'), '=');
    const shared = bytes.length % 3 === 0 ? 0 : 1;
    const own = whole.slice(Math.ceil((offset * 4) / 3), whole.length - shared);
    return own.length < minMaskedChars ? [] : [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

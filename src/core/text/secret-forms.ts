import type { Secret } from './secret.ts';
import { trimEndCharacters } from './text.ts';

/** Shorter secrets would mask ordinary words. */
export const shortestForm = 6;

/** Removes the secret from a text, such as the error of a provider that received it. */
export function withoutSecret(text: string, secret: Secret, mask: string): string {
  const forms = toSecretForms(secret.reveal()).sort((a, b) => b.length - a.length); // longest first: no rest stays
  return forms.reduce((masked, form) => masked.replaceAll(form, mask), text);
}

/** The possible encodings of a secret: plain, in an address or form, in JSON, in hex, in base64. */
export function toSecretForms(value: string): string[] {
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

/** The value's base64 inside a longer text, at each of the three offsets. Leaves out the letters that the bytes next to it change. */
function base64Of(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const whole = trimEndCharacters(bytes.toString('base64'), '=');
    const shared = bytes.length % 3 === 0 ? 0 : 1;
    const own = whole.slice(Math.ceil((offset * 4) / 3), whole.length - shared);
    return own.length < shortestForm ? [] : [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

import type { Secret } from './secret.ts';

/** Shorter ones would mask ordinary words; nobody guesses a credential of ours from such a text anyway. */
export const shortestForm = 6;

/** The text without this secret, for what another server says of a credential that it was shown. */
export function withoutSecret(text: string, secret: Secret, mask: string): string {
  const forms = formsOf(secret.reveal()).sort((a, b) => b.length - a.length); // so that no rest of one stays behind
  return forms.reduce((masked, form) => masked.replaceAll(form, mask), text);
}

/** The texts that a secret may stand in: as it is, in an address or a form, in JSON, in hex, in base64. */
export function formsOf(value: string): string[] {
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

/** As base64 says it inside a longer text: at each of the three offsets, without the letters its neighbours share. */
function base64Of(value: string): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
    const whole = bytes.toString('base64').replace(/=+$/, '');
    const shared = bytes.length % 3 === 0 ? 0 : 1;
    const own = whole.slice(Math.ceil((offset * 4) / 3), whole.length - shared);
    return own.length < shortestForm ? [] : [own, own.replaceAll('+', '-').replaceAll('/', '_')];
  });
}

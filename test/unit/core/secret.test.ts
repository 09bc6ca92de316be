import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { maskSecret } from '../../../src/core/text/secret-forms.ts';

test('a secret prints nowhere and is revealed only on purpose', () => {
  const secret = new Secret('hunter2-hunter2');
  const everywhere = [
    `${secret}`,
    String(secret),
    JSON.stringify({ secret }),
    inspect({ deep: [secret] }, { depth: 9, showHidden: true }),
    JSON.stringify({ ...secret }),
    Object.values(secret).map(String).join(),
  ];
  for (const text of everywhere) expect(text).not.toContain('hunter2');
  expect(secret.reveal()).toBe('hunter2-hunter2');
});

const value = 'key/with+odd=="chars\\1';
const bytes = Buffer.from(value);
test.each([
  ['as it is', value],
  ['in an address', encodeURIComponent(value)],
  ['in a form', new URLSearchParams({ v: value }).toString()],
  ['in JSON', JSON.stringify(value)],
  ['in hex', bytes.toString('hex')],
  ['in base64', bytes.toString('base64')],
  ['in base64 inside a longer text', Buffer.from(`ab${value}c`).toString('base64')],
  ['in base64 for addresses', bytes.toString('base64url')],
])('a secret that stands in a text %s is masked', (_how, text) => {
  expect(maskSecret(`The key ${text} is no good.`, new Secret(value), '[key]')).toContain('[key]');
  expect(maskSecret('The key is no good.', new Secret(value), '[key]')).toBe('The key is no good.');
});

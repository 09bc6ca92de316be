import { expect, test } from 'vitest';
import { validateInThread } from '../../../../src/sandboxes/client/answers/validation-thread.ts';

const KiB = 1024;

test.for([
  ['of Latin letters', 'é'.repeat(700 * KiB)],
  ['of other scripts', '漢'.repeat(300 * KiB)],
  ['with a character on the edge between two pieces', `${'x'.repeat(256 * KiB - 1)}😀${'y'.repeat(10)}`],
] as const)('a long text %s arrives as it was, wherever it stands', async ([, text]) => {
  const message = { method: 'x', params: { a: [{ deep: text }], text, n: 1 } };
  const said = await validateInThread('cdp', Buffer.from(JSON.stringify(message)));
  expect(said.ok && JSON.stringify(said.value) === JSON.stringify(message)).toBe(true);
});

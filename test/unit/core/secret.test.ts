import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';

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

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cliReference } from '../../../src/cli/reference.ts';

test('docs/cli.md has the reference that the commands give; scripts/cli-docs.ts writes it anew', () => {
  const [, reference] = readFileSync('docs/cli.md', 'utf8').split('\n## Reference\n\n');
  expect(reference).toBe(cliReference());
});

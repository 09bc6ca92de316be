import { expect, onTestFinished, test } from 'vitest';
import { memorySandboxd } from '../../support/sandboxes/memory-sandboxd.ts';
import { budget, codesOf, sandboxdContract } from './sandboxd.ts';

sandboxdContract('in memory', async () => memorySandboxd());

test('a sandbox in memory says that it cannot keep or compare its files', async () => {
  const daemon = await memorySandboxd();
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  const { keep, print } = daemon.client.workspace;
  const expected = ['unsupported', 'unsupported'];
  expect(await codesOf([keep({ run: 'one', at: 1 }, budget()), print(budget())])).toEqual(expected);
});

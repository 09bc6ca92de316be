import { expect, test } from 'vitest';
import { runProgram } from '../../support/clients/e2b-sdks.ts';
import { hasDocker } from '../../support/sandboxes/docker.ts';
import { core } from './expected.ts';
import { program, python, serverWith } from './programs.ts';

const docker = await hasDocker();

test('a program finds in containers what it finds in processes', { timeout: 400_000 }, async (context) => {
  if (!docker) context.skip('Docker does not answer');
  await using it = await serverWith('anthropic', 'docker');
  expect(await runProgram({ ...python, files: [program('core.py')] }, it.env)).toEqual(core);
});

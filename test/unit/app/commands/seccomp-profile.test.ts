import { expect, test } from 'vitest';
import { createOciProfile } from '../../../../drivers/shared/seccomp/oci.ts';
import { seccompProfileCommand } from '../../../../src/app/commands/seccomp-profile.ts';
import { runServerCommand } from '../../../support/servers/run-command.ts';

test('the profile for nodes is what Docker gets', async () => {
  const { code, printed } = await runServerCommand(seccompProfileCommand);
  expect(code).toBe(0);
  expect(JSON.parse(printed.join('\n'))).toEqual(JSON.parse(createOciProfile()));
});

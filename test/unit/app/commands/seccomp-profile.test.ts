import { expect, test } from 'vitest';
import { ociProfile } from '../../../../drivers/shared/seccomp/oci.ts';
import { seccompProfileCommand } from '../../../../src/app/commands/seccomp-profile.ts';

test('the profile for nodes is what Docker gets', async () => {
  const printed: string[] = [];
  const at = { signal: new AbortController().signal, print: (line: string) => void printed.push(line), say: () => {} };
  expect(await seccompProfileCommand.run([], at)).toBe(0);
  expect(JSON.parse(printed.join('\n'))).toEqual(JSON.parse(ociProfile()));
});

import { expect, test } from 'vitest';
import { ociProfile } from '../../../drivers/shared/seccomp/oci.ts';
import { Config } from '../../../src/config/schema.ts';
import { weaknessesOf } from '../../../src/main/kubernetes.ts';
import { seccompProfileCommand } from '../../../src/main/seccomp-profile.ts';

const usual = Config.shape.kubernetes.parse({});

test('what a cluster’s settings leave open is said, each with the setting that closes it', () => {
  expect(weaknessesOf(usual).map(({ name }) => name)).toEqual(['seccomp-profile', 'shared-user']);
  const [profile, user] = weaknessesOf(usual).map(({ text }) => text);
  expect(profile).toContain('CORRAL_KUBERNETES_SECCOMP_PROFILE');
  expect(user).toContain('CORRAL_KUBERNETES_USER_NAMESPACES=true');
  expect(weaknessesOf({ ...usual, seccompProfile: 'corral.json', userNamespaces: true })).toEqual([]);
});

test('the profile for nodes is what Docker gets', async () => {
  const printed: string[] = [];
  const at = { signal: AbortSignal.timeout(1_000), print: (line: string) => void printed.push(line), say: () => {} };
  expect(await seccompProfileCommand.run([], at)).toBe(0);
  expect(JSON.parse(printed.join('\n'))).toEqual(JSON.parse(ociProfile()));
});

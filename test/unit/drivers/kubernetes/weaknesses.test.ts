import { expect, test } from 'vitest';
import { findWeaknesses } from '../../../../drivers/kubernetes/policies/weaknesses.ts';
import { testPods } from '../../../support/cluster/cluster.ts';

test('each weakness of the pod settings names the setting that closes it', () => {
  const found = findWeaknesses(testPods);
  expect(found.map(({ name }) => name)).toEqual(['seccomp-profile', 'shared-user']);
  const [profile, user] = found.map(({ text }) => text);
  expect(profile).toContain('CORRAL_KUBERNETES_SECCOMP_PROFILE');
  expect(user).toContain('CORRAL_KUBERNETES_USER_NAMESPACES=true');
});

test.each([
  [{ seccompProfile: 'corral.json' }, ['shared-user']],
  [{ userNamespaces: true }, ['seccomp-profile']],
  [{ seccompProfile: 'corral.json', userNamespaces: true }, []],
])('a closed weakness is not listed: %o', (over, left) =>
  expect(findWeaknesses({ ...testPods, ...over }).map(({ name }) => name)).toEqual(left),
);

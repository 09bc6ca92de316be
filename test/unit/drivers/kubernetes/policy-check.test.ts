import { Agent } from 'node:http';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import type { SandboxLink } from '../../../../drivers/driver.ts';
import { listPodWeaknesses } from '../../../../drivers/kubernetes/pods/pod-body.ts';
import { createNetworkPolicyCheck } from '../../../../drivers/kubernetes/policies/policies.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { testPods } from '../../../support/cluster/cluster.ts';
import { httpServer } from '../../../support/servers/http-server.ts';

const quick = { port: 2718, betweenMs: 5 };

/** A link to a sandbox whose commands print this text; undefined: the commands never end. */
async function sandbox(prints: string | undefined) {
  let calls = 0;
  const server = await httpServer((_request, response) => {
    calls += 1;
    if (prints !== undefined) response.end(JSON.stringify({ stdout: prints }));
  });
  const agent = new Agent();
  Object.assign(agent, { createConnection: () => connect(server.port, '127.0.0.1') });
  return {
    ...server,
    link: { agent, token: new Secret('token') } as unknown as SandboxLink,
    requested: () => calls,
  };
}

test('a sandbox that ends during the check does not decide for the others: the next one is checked', async () => {
  await using first = await sandbox(undefined);
  await using second = await sandbox('open 192.0.2.1:443');
  const policyCheck = createNetworkPolicyCheck({ ...quick, unenforced: () => 'refuse', onOpen: () => {} });
  const stop = new AbortController();
  const gone = policyCheck.check(first.link, stop.signal);
  const other = expect(policyCheck.check(second.link, new AbortController().signal)).rejects.toMatchObject({
    code: 'unsupported',
  });
  await expect.poll(first.requested).toBe(1);
  stop.abort();
  await gone;
  await other;
});

test('a sandbox that reaches out opens the policyCheck where that is accepted, and one that does not closes them', async () => {
  await using open = await sandbox('open 192.0.2.1:443');
  await using closed = await sandbox('closed');
  const { signal } = new AbortController();
  const warnings: string[] = [];
  const onOpen = (message: string) => void warnings.push(message);
  const accepting = createNetworkPolicyCheck({ ...quick, unenforced: () => 'accept', onOpen });
  expect(accepting.isOpen()).toBe(false);
  for (let n = 0; n < 2; n++) await accepting.check(open.link, signal);
  expect([accepting.isOpen(), warnings.length]).toEqual([true, 1]);
  const refusing = createNetworkPolicyCheck({ ...quick, unenforced: () => 'refuse', onOpen: () => {} });
  await expect(refusing.check(open.link, signal)).rejects.toMatchObject({ code: 'unsupported' });
  await refusing.check(closed.link, signal);
  await refusing.check(open.link, signal); // once one sandbox was held back, the next ones are not probed
  expect(refusing.isOpen()).toBe(false);
});

test('each weakness of the pod settings names the setting that closes it', () => {
  const [profile, user] = listPodWeaknesses(testPods).map(({ text }) => text);
  expect(profile).toContain('CORRAL_KUBERNETES_SECCOMP_PROFILE');
  expect(user).toContain('CORRAL_KUBERNETES_USER_NAMESPACES=true');
});

test.each([
  [{}, ['seccomp-profile', 'shared-user']],
  [{ seccompProfile: 'corral.json' }, ['shared-user']],
  [{ userNamespaces: true }, ['seccomp-profile']],
  [{ seccompProfile: 'corral.json', userNamespaces: true }, []],
])('a closed weakness is not listed: %o', (over, left) =>
  expect(listPodWeaknesses({ ...testPods, ...over }).map(({ name }) => name)).toEqual(left),
);

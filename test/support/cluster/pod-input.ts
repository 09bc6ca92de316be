import type { SandboxSpec } from '../../../drivers/driver.ts';
import type { PodSettings } from '../../../drivers/kubernetes/options.ts';
import type { createPodBody } from '../../../drivers/kubernetes/pods/pod-body.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testPods } from './cluster.ts';

const { storageClass: _, ...others } = testPods;
export const plainPods: PodSettings = {
  ...others,
  workspace: 'ephemeral',
  imagePullPolicy: 'IfNotPresent',
  requestShare: 0.25,
};

/** All that a pod's body is made of. */
export const podInput = (
  spec: SandboxSpec,
  settings: PodSettings = plainPods,
): Parameters<typeof createPodBody>[0] => ({
  spec,
  name: 'corral-test-0123456789abcdef',
  namespace: 'sandboxes',
  instance: 'test',
  settings,
  port: 2718,
  key: 'k1',
  attempt: 'a1',
  access: { of: spec, daemonToken: new Secret('the daemon token'), egressToken: new Secret('the egress token') },
  egress: { host: '10.96.1.2', port: 8118 },
  extraCa: undefined,
  now: 0,
});

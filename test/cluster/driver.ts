import { describe, test } from 'vitest';
import { clusterHarness, hasClaims, hasCluster } from '../support/cluster/cluster.ts';
import { driverConformance } from '../support/conformance/suite.ts';

const cluster = await hasCluster();
const kind = { real: true, isolated: true, networked: true };

if (cluster) driverConformance('kubernetes', () => clusterHarness(), kind);
else describe.skip('kubernetes driver: KUBECONFIG names no cluster that answers', () => test('skipped', () => {}));

if (cluster && (await hasClaims()))
  driverConformance('kubernetes, claims', () => clusterHarness('agent-sandbox'), kind);
else describe.skip('claims: the cluster has no agents.x-k8s.io', () => test('skipped', () => {}));

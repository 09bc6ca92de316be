import { describe, test } from 'vitest';
import { clusterHarness, hasCluster } from '../support/cluster/cluster.ts';
import { driverConformance } from '../support/conformance/suite.ts';

const cluster = await hasCluster();

if (cluster) driverConformance('kubernetes', () => clusterHarness(), { real: true, isolated: true, networked: true });
else describe.skip('kubernetes driver: KUBECONFIG names no cluster that answers', () => test('skipped', () => {}));

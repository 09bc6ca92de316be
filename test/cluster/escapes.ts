import { expect, test } from 'vitest';
import { clusterImage, hasClaims, seccompOnNode, type TestedEngine } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { escapesFrom } from '../support/hostile/escapes.ts';

const engines: readonly TestedEngine[] = (await hasClaims()) ? ['pods', 'agent-sandbox'] : ['pods'];
const namespace = await clusterNamespace('escapes');

test.for(engines)(
  'every attempt to escape from a Kubernetes sandbox fails: %s',
  { tags: ['nightly'] },
  async (engine, context) => {
    const own = await namespace.ready(context, clusterImage);
    await using profile = await seccompOnNode();
    const kubernetes = { CORRAL_KUBERNETES_ENGINE: engine, CORRAL_KUBERNETES_SECCOMP_PROFILE: profile.name };
    const settings = { CORRAL_DRIVER: 'kubernetes', ...own, ...kubernetes };
    const attempts = await escapesFrom({ name: 'kubernetes', settings, networked: true, limitsPids: false });
    expect(attempts.filter(({ outcome }) => outcome === 'escaped')).toEqual([]);
    expect(attempts.length).toBeGreaterThan(150);
  },
);

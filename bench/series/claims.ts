import { setTimeout as pause } from 'node:timers/promises';
import { kubeStub } from '../../test/support/cluster/kube-stub.ts';
import { startProgram } from '../lib/calls/child-process.ts';
import { startSimulatedDaemons } from '../lib/corral/simulated-daemons.ts';
import { createMaxRule, type SeriesPlan } from '../lib/measure/series.ts';

// Sandboxes claimed through agents.x-k8s.io from a stub API server, which counts what the driver requests and receives.
// The driver has its own process; no containers run.

const restMs = 60_000;

export const claims: SeriesPlan = {
  name: 'claims',
  title: 'Claims of agents.x-k8s.io before a stub of an API server',
  along: 'sandboxes',
  points: (mode) => (mode === 'quick' ? [100, 400] : [100, 1_000, 5_000]),
  fitted: ['pssMiB'],
  rules: [
    createMaxRule('a claim costs at most five requests', 5, ({ y }) =>
      Math.max(...(y.requestsPerClaim ?? [Number.NaN])),
    ),
    createMaxRule('no list is polled', 0, ({ y }) => Math.max(...(y.listsAfterFirst ?? [Number.NaN]))),
    createMaxRule('requests a minute at rest', 10, ({ y }) => Math.max(...(y.restRequestsPerMin ?? [Number.NaN]))),
  ],
  async open(stack) {
    const stub = stack.use(await kubeStub());
    Object.assign(stub, { claims: true });
    const { port } = stack.use(await startSimulatedDaemons());
    const at = { kubeconfig: stub.kubeconfig, daemonPort: port };
    const driver = stack.use(await startProgram('corral-claims', at, ['--expose-gc']));
    await driver.call('claim', 1);
    await driver.call('list');
    let own = 1;
    return async (sandboxes) => {
      const requests = () => stub.seen.filter(({ line }) => !line.includes('watch=true')).length;
      const lists = () => stub.seen.filter(({ line }) => /(claims|pods|sandboxes)[?].*limit=/.test(line)).length;
      const before = { requests: requests(), lists: lists(), bytes: stub.watchBytes };
      const added = sandboxes - own;
      await driver.call('claim', added);
      own = sandboxes;
      const requestsPerClaim = (requests() - before.requests) / added;
      const watchKiBPerClaim = (stub.watchBytes - before.bytes) / 1_024 / added;
      const from = stub.seen.length;
      await pause(restMs);
      const restRequestsPerMin = stub.seen.length - from;
      for (let n = 0; n < 5; n++)
        if ((await driver.call('list')) !== sandboxes) throw new Error('a claimed sandbox is not listed as ready');
      const pssMiB = (await driver.call<number>('footprint', 2_000)) / 1_024;
      const listsAfterFirst = lists() - before.lists;
      return { requestsPerClaim, watchKiBPerClaim, restRequestsPerMin, listsAfterFirst, pssMiB };
    };
  },
};

// Programs that use the E2B SDKs, with pods as their sandboxes. Pods cannot be frozen, so a pause keeps only the files.
import { afterAll, beforeAll, describe } from 'vitest';
import { code, unfrozen, unfrozenPython } from '../job/e2b/expected.ts';
import { stepsOf } from '../support/clients/e2b-steps.ts';
import { freeVolumes, hasCluster, variantOnCluster } from '../support/cluster/cluster.ts';
import { clusterNamespace } from '../support/cluster/cluster-namespace.ts';
import { type ServerProcess, serverProcess } from '../support/servers/server-process.ts';

const namespace = await clusterNamespace('e2b');
const cluster = await hasCluster();
const token = 'e2b_0123456789';
let server: ServerProcess;

describe.skipIf(!cluster)('programs on the E2B SDKs, in pods', () => {
  beforeAll(async () => {
    const settings = await namespace.settings(() => variantOnCluster('code'));
    await freeVolumes();
    const own = {
      CORRAL_DRIVER: 'kubernetes',
      CORRAL_E2B_FACADE: 'on',
      CORRAL_E2B_PAUSE: 'files',
      CORRAL_TOKEN: token,
    };
    const volumes = { CORRAL_KUBERNETES_WORKSPACE: 'volume', CORRAL_KUBERNETES_STORAGE_CLASS: 'node' };
    server = await serverProcess({ ...settings, ...own, ...volumes });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const env = () => ({
    E2B_API_URL: server.url,
    E2B_SANDBOX_URL: server.url,
    E2B_API_KEY: token,
    PROCESSES: '20', // each is a connection through the API server
  });
  stepsOf('core.mjs', unfrozen, env);
  stepsOf('code.mjs', code, env);
  stepsOf('core.py', unfrozenPython, env);
});

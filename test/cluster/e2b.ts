// Programs on the E2B SDKs with pods as their sandboxes. Pods cannot be frozen, so a pause keeps the files alone.
import { afterAll, beforeAll, describe } from 'vitest';
import { code, unfrozen } from '../e2e/e2b/expected.ts';
import { codeOnCluster, freeVolumes, hasCluster } from '../support/cluster.ts';
import { clusterNamespace } from '../support/cluster-namespace.ts';
import { stepsOf } from '../support/e2b-steps.ts';
import { isNightly } from '../support/nightly.ts';
import { type ServerProcess, serverProcess } from '../support/server-process.ts';

const namespace = await clusterNamespace('e2b');
const cluster = isNightly && (await hasCluster());
const token = 'e2b_0123456789';
let server: ServerProcess;

describe.skipIf(!cluster)('programs on the E2B SDKs, in pods', () => {
  beforeAll(async () => {
    const settings = await namespace.settings(codeOnCluster);
    await freeVolumes();
    const own = {
      CORRAL_DRIVER: 'kubernetes',
      CORRAL_E2B_FACADE: 'on',
      CORRAL_E2B_PAUSE: 'files',
      CORRAL_TOKEN: token,
    };
    const volumes = { CORRAL_KUBERNETES_WORKSPACE: 'volume', CORRAL_KUBERNETES_STORAGE_CLASS: 'node' };
    server = await serverProcess({ ...settings, ...own, ...volumes });
  }, 600_000);
  afterAll(() => server[Symbol.asyncDispose]());

  const env = () => ({
    ...{ E2B_API_URL: server.url, E2B_SANDBOX_URL: server.url, E2B_API_KEY: token },
    PROCESSES: '20', // each is a connection through the API server
  });
  stepsOf('core.mjs', unfrozen.core, env);
  stepsOf('code.mjs', code, env);
  stepsOf('core.py', unfrozen.python, env);
});

// Programs that use the E2B SDKs, with pods as their sandboxes. Pods cannot be frozen, so a pause keeps only the files.
// The server and its volumes also serve the fork test, because another server with its image would take a minute.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCorralClient } from '../../src/client/index.ts';
import { code, unfrozen } from '../job/e2b/expected.ts';
import { fence } from '../support/clients/api.ts';
import { stepsOf } from '../support/clients/e2b-steps.ts';
import { follow } from '../support/clients/followed.ts';
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

  test('a session forked at a step continues with the files and the conversation of that step, on a volume of its own', async () => {
    await freeVolumes(); // the earlier programs have used them
    using corral = createCorralClient({ url: server.url, token, transport: 'ws' });
    const { id } = await corral.sessions.create.mutate();
    using seen = follow(corral, id);
    const steps = [fence('sh', 'echo one > a.txt'), fence('sh', 'echo two > a.txt')];
    await corral.runs.send.mutate({ sessionId: id, text: steps.join('\n') });
    const events = await seen.toEnd();
    const { seq = 0 } = events.find(({ type, data }) => type === 'step' && data.status === 'completed') ?? {};
    const fork = await corral.sessions.fork.mutate({ id, seq });
    expect(fork.forkedFrom).toEqual({ sessionId: id, seq, files: 'kept' });
    const reads = async (sessionId: string) =>
      (await corral.sandbox.exec.mutate({ sessionId, command: 'cat a.txt' })).stdout;
    expect([await reads(fork.id), await reads(id)]).toEqual(['one\n', 'two\n']);
    expect(JSON.stringify(await corral.sessions.promptAt.query({ id: fork.id }))).toContain('echo one > a.txt');
    for (const one of [fork.id, id]) {
      expect(await namespace.names('persistentvolumeclaims', one)).toHaveLength(1);
      await corral.sessions.delete.mutate({ id: one });
      expect(await namespace.names('pods,persistentvolumeclaims', one)).toEqual([]);
    }
  });
});

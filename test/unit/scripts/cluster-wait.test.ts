import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

let build: string;
beforeEach(async () => {
  build = await mkdtemp(join(tmpdir(), 'corral-cluster-build-'));
  vi.stubEnv('CI', 'true');
  vi.stubEnv('KUBECONFIG', undefined);
  vi.stubEnv('CLUSTER_BUILD', build);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(build, { recursive: true });
});

/** Asks for the cluster in a run that has this time left. */
async function askedWith(msLeft: number): Promise<boolean> {
  vi.stubEnv('TEST_UNTIL', String(Date.now() + msLeft));
  // The module asks once for a whole run, so each test loads a module of its own.
  const own = `../../support/cluster.ts?${build}`;
  const { hasCluster } = (await import(own)) as typeof import('../../support/cluster.ts');
  return await hasCluster();
}

test("a run whose time ends before the cluster is built skips the cluster's tests and says so", async () => {
  const said = vi.spyOn(console, 'warn').mockImplementation(() => {});
  expect(await askedWith(5 * 60_000 + 300)).toBe(false); // the minutes that tests on a cluster need, and a moment to wait
  expect(said).toHaveBeenCalledWith(expect.stringContaining('TEST_UNTIL'));
});

test('a cluster that cannot be built is an error, however much time is left', async () => {
  await Promise.all([writeFile(join(build, 'code'), '2\n'), writeFile(join(build, 'log'), 'no compiler\n')]);
  await expect(askedWith(-1)).rejects.toThrow('no compiler');
});

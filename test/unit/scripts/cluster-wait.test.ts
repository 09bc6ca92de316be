import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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

/** A question for the cluster, in a run that has this time left. */
async function runWith(msLeft: number): Promise<() => Promise<boolean>> {
  vi.stubEnv('TEST_UNTIL', String(Date.now() + msLeft));
  // The module starts a cluster once for a whole run, so each test loads a module of its own.
  const own = `../../support/cluster.ts?${build}`;
  const { hasCluster } = (await import(own)) as typeof import('../../support/cluster.ts');
  return hasCluster;
}
const askedWith = async (msLeft: number): Promise<boolean> => await (await runWith(msLeft))();

test("a run whose time ends before the cluster is built skips the cluster's tests and says so", async () => {
  const said = vi.spyOn(console, 'warn').mockImplementation(() => {});
  expect(await askedWith(5 * 60_000 + 300)).toBe(false); // the minutes that tests on a cluster need, and a moment to wait
  expect(said).toHaveBeenCalledWith(expect.stringContaining('TEST_UNTIL'));
});

test('a cluster that cannot be built is an error, however much time is left', async () => {
  await Promise.all([writeFile(join(build, 'code'), '2\n'), writeFile(join(build, 'log'), 'no compiler\n')]);
  await expect(askedWith(-1)).rejects.toThrow('no compiler');
});

test('files that ask for the cluster at once start it once', async () => {
  const starts = join(build, 'starts');
  const script = join(build, 'cluster.sh');
  await writeFile(script, `echo "$1" >>'${starts}'; sleep 0.1; echo KUBECONFIG='${build}/none'; echo PATH='${build}'`);
  await writeFile(join(build, 'code'), '0\n');
  vi.stubEnv('CLUSTER_SH', script);
  const hasCluster = await runWith(30 * 60_000);
  const answers = await Promise.allSettled([hasCluster(), hasCluster(), hasCluster()]);
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']); // no cluster answers there
  expect(await readFile(starts, 'utf8')).toBe('start\n');
});

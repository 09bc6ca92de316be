import { expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { PackageRegistryCatalog } from '../../../src/sandboxes/egress/registries/registries.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';

const ids = ['00000000000000aa', '00000000000000bb', '00000000000000cc'].map((id) => SessionId.parse(id));
const never = new AbortController().signal;
const npm = { host: 'registry.example', port: 443, for: 'npm' };

function bench(fetchPage: (url: string) => Promise<string> = async () => '') {
  const registries = new PackageRegistryCatalog({
    records: createInMemoryStore().records,
    fetchPage,
    findImageKey: async () => 'image',
  });
  let calls = 0;
  const sandbox = (exec: () => Promise<string>) => ({
    isFresh: true,
    client: {
      exec: async () => {
        calls += 1;
        return { exitCode: 0, stdout: await exec(), stderr: '', timedOut: false };
      },
    },
  });
  const learn = (n: number, exec: () => Promise<string>, signal = never) =>
    registries.learn(ids[n] as SessionId, sandbox(exec), signal);
  return { learn, of: (n: number) => registries.of(ids[n] as SessionId), requested: () => calls };
}
const tells = async () => 'npm\thttps://registry.example/\nend\n';

test('an image is read in its first sandbox alone', async () => {
  const { learn, requested } = bench();
  const all = [0, 1, 2].map((n) => learn(n, tells));
  expect([await Promise.all(all), requested()]).toEqual([[[npm], [npm], [npm]], 1]);
});

test('sandboxes that wait for a first reading read their own registries if the first sandbox is lost', async () => {
  const { learn, of } = bench();
  const gone = Promise.withResolvers<string>();
  const first = learn(0, () => gone.promise);
  const others = [1, 2].map((n) => learn(n, tells));
  gone.reject(new AppError('sandbox_lost', 'The sandbox ended unexpectedly.'));
  await expect(first).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect([await Promise.all(others), await of(1)]).toEqual([[[npm], [npm]], [npm]]);
});

test('a stopped caller does not wait for the reading of another sandbox', async () => {
  const { learn } = bench();
  void learn(0, () => new Promise(() => {})).catch(() => {});
  const stop = new AbortController();
  const second = learn(1, tells, stop.signal);
  stop.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
});

test('a page that did not answer is requested again with the next sandbox, which does not wait for it', async () => {
  const answers: (string | undefined)[] = [undefined, '<a href="https://files.example/x">x</a>'];
  const { learn, of, requested } = bench(async () => {
    const answer = answers.shift();
    if (answer === undefined) throw new AppError('not_found', 'It does not answer.');
    return answer;
  });
  const pip = async () => 'pip\thttps://index.example/simple\nend\n';
  const hosts = async () => (await of(0)).map(({ host }) => host);
  await learn(0, pip);
  expect(await hosts()).toEqual(['index.example']);
  await learn(1, pip);
  await expect.poll(hosts).toEqual(['index.example', 'files.example']);
  expect(requested()).toBe(1);
});

import { expect, test } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { PackageRegistryCatalog } from '../../../src/sandboxes/egress/registries/registries.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';

const ids = ['00000000000000aa', '00000000000000bb', '00000000000000cc'].map((id) => SessionId.parse(id)) as [
  SessionId,
  SessionId,
  SessionId,
];
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
  return { registries, sandbox, requested: () => calls };
}
const tells = async () => 'npm\thttps://registry.example/\nend\n';

test('an image is read in its first sandbox alone', async () => {
  const { registries, sandbox, requested } = bench();
  const all = ids.map((id) => registries.learn(id, sandbox(tells), never));
  expect([await Promise.all(all), requested()]).toEqual([[[npm], [npm], [npm]], 1]);
});

test('sandboxes that wait for a first reading read their own registries if the first sandbox is lost', async () => {
  const { registries, sandbox } = bench();
  const gone = Promise.withResolvers<string>();
  const first = registries.learn(
    ids[0],
    sandbox(() => gone.promise),
    never,
  );
  const others = [ids[1], ids[2]].map((id) => registries.learn(id, sandbox(tells), never));
  gone.reject(new AppError('sandbox_lost', 'The sandbox ended unexpectedly.'));
  await expect(first).rejects.toMatchObject({ code: 'sandbox_lost' });
  expect([await Promise.all(others), await registries.of(ids[1])]).toEqual([[[npm], [npm]], [npm]]);
});

test('a stopped caller does not wait for the reading of another sandbox', async () => {
  const { registries, sandbox } = bench();
  void registries
    .learn(
      ids[0],
      sandbox(() => new Promise(() => {})),
      never,
    )
    .catch(() => {});
  const stop = new AbortController();
  const second = registries.learn(ids[1], sandbox(tells), stop.signal);
  stop.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
});

test('a page that did not answer is requested again with the next sandbox, which does not wait for it', async () => {
  const answers: (string | undefined)[] = [undefined, '<a href="https://files.example/x">x</a>'];
  const { registries, sandbox, requested } = bench(async () => {
    const answer = answers.shift();
    if (answer === undefined) throw new AppError('not_found', 'It does not answer.');
    return answer;
  });
  const pip = async () => 'pip\thttps://index.example/simple\nend\n';
  const hosts = async () => (await registries.of(ids[0])).map(({ host }) => host);
  await registries.learn(ids[0], sandbox(pip), never);
  expect(await hosts()).toEqual(['index.example']);
  await registries.learn(ids[1], sandbox(pip), never);
  await expect.poll(hosts).toEqual(['index.example', 'files.example']);
  expect(requested()).toBe(1);
});

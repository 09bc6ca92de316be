// A program written on the E2B SDK that keeps files in a volume. It knows nothing of Corral.
import { Sandbox, Volume } from 'e2b';
import { failing, print, step } from './steps.mjs';

const volume = await Volume.create('data-of-a-program');
await step('connected', async () => (await Volume.connect(volume.volumeId)).name);
await step('refused', async () => [
  await failing(() => Volume.create('data-of-a-program')),
  await failing(() => Volume.connect('vol-0000000000000000')),
]);
await step('makeDir', async () => {
  const { path, type, name } = await volume.makeDir('/a/b', { force: true });
  return [name, path, type, await failing(() => volume.makeDir('/x/y')), await failing(() => volume.makeDir('/a'))];
});
await step('write', async () => {
  const { name, path, size, type, mode, mtime } = await volume.writeFile('/a/b/one.txt', 'hello', { mode: 0o640 });
  return [name, path, size, type, mode.toString(8), mtime instanceof Date];
});
await step(
  'write a stream',
  async () => (await volume.writeFile('/stream', new Blob([new Uint8Array(1_000_000)]).stream())).size,
);
await step('read', async () => [
  await volume.readFile('/a/b/one.txt'),
  (await volume.readFile('/stream', { format: 'bytes' })).length,
  await failing(() => volume.readFile('/none')),
  await failing(() => volume.readFile('/a/../../etc/passwd')),
]);
await step('list', async () => [
  (await volume.list('/')).map(({ path }) => path).sort(),
  (await volume.list('/', { depth: 3 })).map(({ path }) => path).sort(),
  await failing(() => volume.list('/none')),
]);
await step('info', async () => [
  await volume.exists('/a'),
  await volume.exists('/b'),
  (await volume.getInfo('/a')).type,
]);
await step('metadata', async () => [
  (await volume.updateMetadata('/a/b/one.txt', { mode: 0o600 })).mode.toString(8),
  await failing(() => volume.updateMetadata('/a/b/one.txt', { uid: 0 })),
]);
const writer = await Sandbox.create({ timeoutMs: 120_000, volumeMounts: { '/mnt/data': volume } });
await step(
  'mounted',
  async () =>
    (
      await writer.commands.run(
        'cat /mnt/data/a/b/one.txt; echo more > /mnt/data/more; ln -s /etc/passwd /mnt/data/out',
      )
    ).stdout,
);
await step('one writer', () => failing(() => Sandbox.create({ volumeMounts: { '/mnt/data': 'data-of-a-program' } })));
await step('written meanwhile', () => failing(() => volume.writeFile('/x', 'x')));
await step('read meanwhile', async () => [
  await volume.readFile('/more'),
  await failing(() => volume.readFile('/out')),
]);
await step('a link', async () => {
  const { type, target } = await volume.getInfo('/out');
  return [type, target];
});
await step('a reader', async () => {
  const reader = await Sandbox.create({ volumeMounts: { '/data': 'data-of-a-program:read' } });
  const { stdout } = await reader.commands.run('cat /data/more; touch /data/x 2>&1 | grep -c Read-only');
  await reader.kill();
  return stdout;
});
await step('in use', () => failing(() => Volume.destroy(volume.volumeId)));
await step('elsewhere', () => failing(() => Sandbox.create({ volumeMounts: { '/etc': 'data-of-a-program:read' } })));
await writer.kill();
await step('remove', async () => {
  await volume.remove('/a');
  return [await volume.exists('/a'), await failing(() => volume.remove('/a'))];
});
await step('destroy', async () => [await Volume.destroy(volume.volumeId), await Volume.destroy(volume.volumeId)]);
print();

import { expect, test } from 'vitest';
import type { WireClient } from '../../support/clients/e2b-wire.ts';

// Files and folders of a real sandbox, and their changes.
interface Entry {
  readonly entry: { readonly path: string; readonly mode: number; readonly owner: string; readonly group: string };
}

export function entryRows(it: WireClient): void {
  const files = (method: string, message: object) => it.call(`filesystem.Filesystem/${method}`, message);
  const run = async (text: string) => void (await it.stream('process.Process/Start', it.shell(text)));

  test('a link has the type and mode of its target, its own size, and tells where it leads', async () => {
    await run('mkdir -p /tmp/l && cd /tmp/l && printf abc > target && chmod 640 target && ln -sfn target link');
    expect((await files('Stat', { path: '/tmp/l/link' })).body).toMatchObject({
      entry: {
        name: 'link',
        type: 'FILE_TYPE_FILE',
        path: '/tmp/l/link',
        size: '6',
        mode: 0o640,
        permissions: 'Lrw-r-----',
        owner: 'user',
        group: 'user',
        symlinkTarget: '/tmp/l/target',
        modifiedTime: expect.stringMatching(/Z$/),
      },
    });
  });
  test('new folders and files belong to the user, with the usual modes', async () => {
    const { body: made } = await files('MakeDir', { path: 'made/deep' });
    const own = { owner: 'user', group: 'user' };
    expect(made).toMatchObject({ entry: { path: '/home/user/made/deep', mode: 0o755, ...own } });
    const headers = { 'content-type': 'application/octet-stream' };
    await it.agent('/files?path=made/deep/file', { method: 'POST', body: 'x', headers });
    const { body } = await files('Stat', { path: '~/made/deep/file' });
    expect((body as unknown as Entry).entry).toMatchObject({ mode: 0o644, permissions: '-rw-r--r--', ...own });
  });
  test('a watcher keeps the changes until they are requested', async () => {
    await run('mkdir polled');
    const { watcherId } = (await files('CreateWatcher', { path: 'polled' })).body;
    await run('echo 1 > polled/x');
    const seen = async () => JSON.stringify((await files('GetWatcherEvents', { watcherId })).body);
    await expect.poll(seen).toContain('{"name":"x","type":"EVENT_TYPE_CREATE"}');
    expect(await files('RemoveWatcher', { watcherId })).toEqual({ status: 200, body: {} });
  });
  test.each([
    ['none', 'not_found'],
    ['/etc/hostname', 'invalid_argument'],
  ])('a watch of %s ends with %s', async (path, code) => {
    const expected = { status: 200, events: [], last: { error: { code } } };
    expect(await it.stream('filesystem.Filesystem/WatchDir', { path })).toMatchObject(expected);
  });
}

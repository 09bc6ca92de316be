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
  test('a list goes depth first by name, with the path that was requested', async () => {
    await run('mkdir -p /tmp/tree/b/c && touch /tmp/tree/a /tmp/tree/b/d && ln -sfn /tmp/tree /tmp/seen');
    const listed = async (depth: number) =>
      ((await files('ListDir', { path: '/tmp/seen', depth })).body as { entries?: { path: string }[] }).entries?.map(
        ({ path }) => path.replace('/tmp/seen/', ''),
      );
    expect([await listed(0), await listed(1), await listed(2)]).toEqual([
      ...[
        ['a', 'b'],
        ['a', 'b'],
        ['a', 'b', 'b/c', 'b/d'],
      ],
    ]);
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
  test('a folder is removed with everything in it', async () => {
    await run('mkdir -p gone/a/b && touch gone/a/b/c');
    expect(await files('Remove', { path: 'gone' })).toEqual({ status: 200, body: {} });
    expect((await files('Stat', { path: 'gone' })).status).toBe(404);
  });
  test.each([
    ['none', 'not_found'],
    ['/etc/hostname', 'invalid_argument'],
  ])('a watch of %s ends with %s', async (path, code) => {
    expect(await it.stream('filesystem.Filesystem/WatchDir', { path })).toMatchObject({
      status: 200,
      events: [],
      last: { error: { code } },
    });
  });
  test('a watch tells each kind of change with what is there, and lives on in silence', async () => {
    await run('rm -rf w && mkdir w');
    const watch = { path: 'w', recursive: true, includeEntry: true };
    const stream = await it.open('filesystem.Filesystem/WatchDir', watch, { 'keepalive-ping-interval': '1' });
    expect(stream.events).toEqual([{ start: {} }]);
    const until = async (last: string) => {
      const seen: { name: string; type: string; entry?: object }[] = [];
      while (`${seen.at(-1)?.type} ${seen.at(-1)?.name}` !== last) {
        const said = (await stream.next()) as { filesystem?: (typeof seen)[number] };
        if (said.filesystem) seen.push(said.filesystem);
      }
      return seen.map(({ name, type, entry }) => [type.replace('EVENT_TYPE_', ''), name, entry !== undefined]);
    };
    await run('echo x > w/a');
    expect(await until('EVENT_TYPE_WRITE a')).toEqual([
      ['CREATE', 'a', true],
      ['WRITE', 'a', true],
    ]);
    await run('mv w/a w/b; chmod 600 w/b');
    expect(await until('EVENT_TYPE_CHMOD b')).toEqual([
      ['RENAME', 'a', false],
      ['CREATE', 'b', true],
      ['CHMOD', 'b', true],
    ]);
    await run('rm w/b');
    expect(await until('EVENT_TYPE_REMOVE b')).toEqual([['REMOVE', 'b', false]]);
    await run('mkdir -p w/d/e');
    expect(await until('EVENT_TYPE_CREATE d/e')).toEqual([
      ['CREATE', 'd', true],
      ['CREATE', 'd/e', true],
    ]);
    expect(await stream.next()).toEqual({ keepalive: {} });
    stream.leave();
  });
  test('a watcher tells what changed since it was asked, until it is removed', async () => {
    await run('mkdir -p polled');
    const { watcherId } = (await files('CreateWatcher', { path: 'polled' })).body;
    const events = async () =>
      ((await files('GetWatcherEvents', { watcherId })).body as { events?: object[] }).events ?? [];
    await run('touch polled/f');
    const seen: object[] = [];
    await expect.poll(async () => seen.push(...(await events()))).toBeGreaterThan(0);
    expect(seen[0]).toEqual({ name: 'f', type: 'EVENT_TYPE_CREATE' });
    expect(await files('RemoveWatcher', { watcherId })).toEqual({ status: 200, body: {} });
    expect((await files('GetWatcherEvents', { watcherId })).status).toBe(404);
  });
}

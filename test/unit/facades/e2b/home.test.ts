import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { PathEntry, SandboxHandle } from '../../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade } from '../../../support/clients/e2b-facade.ts';

// Which path programs get as their home. test/job/e2b tests it in real sandboxes.
const entry = (path: string): PathEntry => ({
  name: 'user',
  path,
  type: 'directory',
  size: 0,
  mode: 0o755,
  owner: 'user',
  group: 'user',
  modified: '2026-01-01T00:00:00.000Z',
});

/** The path that `~` leads to where /home/user is this. */
async function homeWhere(there: () => Partial<PathEntry>, workdir = '/workspace'): Promise<string> {
  const stat: SandboxHandle['paths']['stat'] = async (path) =>
    path === '/home/user' ? { ...entry(path), ...there() } : entry(path);
  const facade = await e2bFacade({ inside: { workdir, paths: { ...({} as SandboxHandle['paths']), stat } } });
  onTestFinished(() => facade[Symbol.asyncDispose]());
  const { sid, access } = await facade.create();
  const { body } = await facade.port(sid, 49_983, '/filesystem.Filesystem/Stat', {
    method: 'POST',
    body: '{"path":"~"}',
    headers: { 'x-access-token': access, 'content-type': 'application/json' },
  });
  return body.entry?.path ?? body.code;
}

test('the home is /home/user where that is the workspace', async () =>
  expect(await homeWhere(() => ({ workspace: true }))).toBe('/home/user'));
test('a sandbox of an earlier version, where it is a link to the workspace, continues with it', async () =>
  expect(await homeWhere(() => ({ isLink: true, target: '/workspace' }))).toBe('/home/user'));
test('a folder that is not the workspace is not the home: without isolation it can be that of a person', async () => {
  expect(await homeWhere(() => ({}), '/data/s/x/workspace')).toBe('/data/s/x/workspace');
  expect(await homeWhere(() => ({ isLink: true, target: '/elsewhere' }))).toBe('/workspace');
});
test('without such a folder the home is the workspace under its own path', async () => {
  const none = () => {
    throw new AppError('file_not_found', 'There is no such folder.');
  };
  expect(await homeWhere(none)).toBe('/workspace');
});
test('a sandbox that cannot tell is queried again at the next request', async () => {
  let lost = true;
  const stat: SandboxHandle['paths']['stat'] = async (path) => {
    if (lost && path === '/home/user') throw new AppError('sandbox_unavailable', 'The sandbox does not answer.');
    return { ...entry(path), workspace: true };
  };
  const facade = await e2bFacade({
    inside: { workdir: '/workspace', paths: { ...({} as SandboxHandle['paths']), stat } },
  });
  onTestFinished(() => facade[Symbol.asyncDispose]());
  const { sid, access } = await facade.create();
  const ask = () =>
    facade.port(sid, 49_983, '/filesystem.Filesystem/Stat', {
      method: 'POST',
      body: '{"path":"~"}',
      headers: { 'x-access-token': access, 'content-type': 'application/json' },
    });
  expect((await ask()).status).not.toBe(200);
  lost = false;
  expect((await ask()).body).toMatchObject({ entry: { path: '/home/user' } });
});

import { expect, onTestFinished, test } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { PathEntry, SandboxHandle } from '../../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade, pathEntry } from '../../../support/clients/e2b-facade.ts';

// Which path programs get as their home. test/job/e2b tests it in real sandboxes.
type Stat = SandboxHandle['paths']['stat'];

/** Asks for the path that `~` leads to, in a sandbox with these paths. */
async function asking(stat: Stat, workdir = '/workspace') {
  const facade = await e2bFacade({ inside: { workdir, paths: { ...({} as SandboxHandle['paths']), stat } } });
  onTestFinished(() => facade[Symbol.asyncDispose]());
  const sandbox = await facade.create();
  return async (): Promise<string> => {
    const { body } = await facade.agent(sandbox, '/filesystem.Filesystem/Stat', '{"path":"~"}');
    return body.entry?.path ?? body.code;
  };
}
/** The path that `~` leads to where /home/user is this. */
const homeWhere = async (there: () => Partial<PathEntry>, workdir?: string) =>
  await (await asking(async (path) => ({ ...pathEntry(path), ...(path === '/home/user' && there()) }), workdir))();

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
  const ask = await asking(async (path) => {
    if (lost && path === '/home/user') throw new AppError('sandbox_unavailable', 'The sandbox does not answer.');
    return { ...pathEntry(path), workspace: true };
  });
  expect(await ask()).toBe('unavailable');
  lost = false;
  expect(await ask()).toBe('/home/user');
});

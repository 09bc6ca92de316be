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
const homeWhere = async (there: () => Partial<PathEntry>, workdir: string) =>
  await (await asking(async (path) => ({ ...pathEntry(path), ...(path === '/home/user' && there()) }), workdir))();

const none = () => {
  throw new AppError('file_not_found', 'There is no such folder.');
};
test.each<[string, () => Partial<PathEntry>, string, string]>([
  ['where that is the workspace', () => ({ workspace: true }), '/workspace', '/home/user'],
  [
    'in an earlier version, as a link to it',
    () => ({ isLink: true, target: '/workspace' }),
    '/workspace',
    '/home/user',
  ],
  // Without isolation the folder can be that of a person.
  ['where it is not the workspace', () => ({}), '/data/s/x/workspace', '/data/s/x/workspace'],
  ['as a link elsewhere', () => ({ isLink: true, target: '/elsewhere' }), '/workspace', '/workspace'],
  ['where it is missing', none, '/workspace', '/workspace'],
])('/home/user %s', async (_, there, workdir, home) => expect(await homeWhere(there, workdir)).toBe(home));

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

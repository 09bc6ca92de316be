import { execFile } from 'node:child_process';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

// The script that sandboxes have as `sudo`, run by this machine's shell.
const script = join(import.meta.dirname, '../../../sandbox-images/sudo');
const { username: me, uid } = userInfo();
const { PATH = '' } = process.env;
const input = { PATH, HOME: '/tmp', OF_CALLER: 'dropped', A_SECRET: 'x y', HTTPS_PROXY: 'http://127.0.0.1:3128' };

async function sudo(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  return await promisify(execFile)('/bin/sh', [script, ...args], { env: input }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, err: stderr }),
  );
}

test('a command runs as the same user, in a clean environment with the way out', async () => {
  const { code, out } = await sudo('env');
  const lines = out.trim().split('\n');
  expect(code).toBe(0);
  for (const line of [`PATH=${PATH}`, 'HOME=/tmp', `USER=${me}`, `LOGNAME=${me}`, `SUDO_UID=${uid}`])
    expect(lines).toContain(line);
  expect(lines).toContain('HTTPS_PROXY=http://127.0.0.1:3128');
  expect(out).not.toMatch(/OF_CALLER|A_SECRET/);
});

const print = ['sh', '-c', 'echo "$(id -u) <$OF_CALLER> <$A_SECRET> <$OWN>"'];
test.each([
  ['nothing', [], '<> <> <>'],
  ['--', ['--'], '<> <> <>'],
  ['-u of the same user', ['-u', me], '<> <> <>'],
  ['-u of root', ['-u', 'root', '-H'], '<> <> <>'],
  ['--user=', [`--user=#${uid}`], '<> <> <>'],
  ['-E', ['-E'], '<dropped> <x y> <>'],
  ['--preserve-env=', ['--preserve-env=A_SECRET,NONE'], '<> <x y> <>'],
  ['letters in one word', ['-nHEu', 'root', '--'], '<dropped> <x y> <>'],
  ['variables', ['-n', 'OWN=a b', 'OF_CALLER=set'], '<set> <> <a b>'],
] as const)('%s before the command has its meaning', async (_what, options, expected) =>
  expect(await sudo(...options, ...print)).toEqual({ code: 0, out: `${uid} ${expected}\n`, err: '' }),
);

test("arguments reach the command as they are, and the command's exit code the caller", async () => {
  const { code, out } = await sudo('sh', '-c', 'printf "[%s]" "$@"; exit 7', 'sh', 'a b', '', '-E', "it's");
  expect([code, out]).toEqual([7, "[a b][][-E][it's]"]);
});

test('a folder and a login shell are where they should be', async () => {
  expect([(await sudo('-D', '/usr', 'pwd')).out, (await sudo('-i', 'pwd')).out]).toEqual(['/usr\n', '/tmp\n']);
  expect((await sudo('-s', 'echo', 'of a shell')).out).toBe('of a shell\n');
});

test.each([
  [['-u', 'no-such-user', 'true'], 'there is no way to become no-such-user: this sandbox has one user'],
  [['-g', 'no-such-group', 'true'], 'there is no way to become no-such-group'],
  [['-b', 'true'], '-b is not available in this sandbox'],
  [['--list'], '--list is not available in this sandbox'],
  [['no-such-program'], 'no-such-program: command not found'],
  [['-u'], '-u needs a value'],
  [['OWN=x'], 'runs the command as its own user'],
  [[], 'runs the command as its own user'],
])('sudo %j fails and says why', async (args, why) => {
  const { code, out, err } = await sudo(...args);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain(why);
});

test('questions that need no answer succeed', async () => {
  for (const args of [['-v'], ['-k'], ['-nv'], ['--version'], ['-h']]) expect((await sudo(...args)).code).toBe(0);
});

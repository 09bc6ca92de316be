import { expect, test } from 'vitest';
import type { WireClient } from '../../support/clients/e2b-wire.ts';

// The surroundings of programs in a sandbox: its user, its home, its tools and its `sudo`.
const start = 'process.Process/Start';

export function homeRows(it: WireClient): void {
  const run = async (text: string) => (await it.stream(start, it.shell(text))).stdout.trim();

  test('the user and the group are called user, with the id that processes have', async () => {
    const python = 'import os, pwd, grp; print(pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name)';
    expect(await run(`whoami; id -un; id -gn; python3 -c '${python}'`)).toBe('user\nuser\nuser\nuser user');
    const [own, entry, group] = (await run('id -u; getent passwd user; getent group user')).split('\n');
    expect(entry).toBe(`user:x:${own}:${own}::/home/user:/bin/bash`);
    expect(group).toMatch(new RegExp(`^user:x:${own}:`));
    expect(await run('touch named && chown user:user named && stat -c %U:%G named')).toBe('user:user');
  });
  test('the home is a folder of its own name, to the system and to every language', async () => {
    const requests = [
      'pwd -P',
      "python3 -c 'import os; print(os.getcwd())'",
      "node -p 'process.cwd()'",
      'echo ~ ~user',
    ];
    expect(await run(requests.join('; '))).toBe('/home/user\n/home/user\n/home/user\n/home/user /home/user');
    const { body } = await it.call('filesystem.Filesystem/Stat', { path: '~' });
    expect(body).toMatchObject({ entry: { path: '/home/user', type: 'FILE_TYPE_DIRECTORY' } });
    expect(body).not.toHaveProperty('entry.symlinkTarget');
  });
}

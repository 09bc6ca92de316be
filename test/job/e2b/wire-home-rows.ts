import { expect, test } from 'vitest';
import { read, type WireClient } from '../../support/clients/e2b-wire.ts';

// The surroundings of programs in a sandbox: its user, its home, its tools and its `sudo`.
const start = 'process.Process/Start';
const mebibyte = 2 ** 20;

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
  test('the home is the workspace, whose files have both names', async () => {
    const headers = { 'content-type': 'application/octet-stream' };
    await it.agent('/files?path=of-home', { method: 'POST', body: 'x', headers });
    expect(await run('cat /workspace/of-home; mv /workspace/of-home ~/renamed; ls /workspace/renamed')).toBe(
      'x/workspace/renamed',
    );
    expect(await run('[ /home/user -ef /workspace ] && echo one')).toBe('one');
    const listed = await it.call('filesystem.Filesystem/ListDir', { path: '/workspace' });
    expect(JSON.stringify(listed.body)).toContain('"/workspace/renamed"');
  });
  test('files count once, and those that have no name any more count too', async () => {
    const used = async () => (await read<{ disk_used: number }>(it.agent('/metrics'))).disk_used;
    const grownBy = async () => {
      const before = await used();
      const { leave } = await it.open(
        start,
        it.shell(`exec 3>~/big && head -c ${40 * mebibyte} /dev/zero >&3 && rm ~/big && sleep 962`),
      );
      await expect.poll(used).toBeGreaterThan(before + 39 * mebibyte);
      const grown = (await used()) - before;
      await run('pkill -f "^sleep 962"');
      leave();
      return grown;
    };
    // The figure is that of the disk, to which other tests write too. Counted twice, the file would add 80 MiB each time.
    await expect.poll(grownBy).toBeLessThan(60 * mebibyte);
  });
  test('a list reports a folder only if its path was requested', async () => {
    const { leave } = await it.open(start, { ...it.shell('sleep 963'), tag: 'at-home' });
    const { processes } = (await it.call('process.Process/List', {})).body as unknown as {
      processes: { tag?: string; config: object }[];
    };
    const { process } = it.shell('sleep 963');
    expect(processes.find(({ tag }) => tag === 'at-home')?.config).toEqual({ ...process, envs: {} });
    await it.call('process.Process/SendSignal', { process: { tag: 'at-home' }, signal: 'SIGNAL_SIGKILL' });
    leave();
  });
  test('pip and npm install into the home', { tags: ['nightly'] }, async () => {
    const wheel = [
      'import zipfile',
      'with zipfile.ZipFile("own_module-1.0-py3-none-any.whl", "w") as made:',
      '  made.writestr("own_module.py", "origin = \\"of pip\\"")',
      '  made.writestr("own_module-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: own-module\\nVersion: 1.0\\n")',
      '  made.writestr("own_module-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: x\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")',
      '  made.writestr("own_module-1.0.dist-info/RECORD", "")',
    ];
    await it.agent('/files?path=packages/make.py', {
      method: 'POST',
      body: wheel.join('\n'),
      headers: { 'content-type': 'application/octet-stream' },
    });
    const install = 'cd packages && python make.py && sudo pip install --no-index -q ./*.whl 2>&1';
    expect(await run(`${install}; cd / && python -c 'import own_module as m; print(m.origin, m.__file__)'`)).toMatch(
      /of pip \/home\/user\/\.local\/.*own_module\.py$/,
    );
    const make = 'mkdir -p packages/dep && cd packages && echo \'{"name":"dep","version":"1.0.0"}\' > dep/package.json';
    expect(await run(`${make} && npm install --silent --no-audit ./dep && node -p "require('dep/package').name"`)).toBe(
      'dep',
    );
  });
}

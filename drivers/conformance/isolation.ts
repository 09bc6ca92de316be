import { expect, test } from 'vitest';
import { askDaemon, budget, type Kind, sh, type TestedDriver } from './harness.ts';

/** The walls between a sandbox and everything else. */
export function isolationConformance(tested: () => TestedDriver, kind: Kind): void {
  test('the only way out is the gate, which knows the sandbox of each connection', async () => {
    const boxes = [tested().spec({ egress: { kind: 'web' } }), tested().spec({ egress: { kind: 'web' } })];
    await Promise.all(boxes.map((it) => tested().driver.provision(it, budget())));
    for (const { id } of boxes) {
      await using link = await tested().driver.attach(id, budget());
      expect(await sh(link, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3'")).toBe(id);
    }
  });

  test.skipIf(kind.networked)(
    'inside there is no network but loopback, and the sockets cannot be replaced',
    async () => {
      const { id } = await tested().driver.provision(tested().spec(), budget());
      await using link = await tested().driver.attach(id, budget());
      expect(
        await sh(link, 'ls /sys/class/net 2>/dev/null || tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "'),
      ).toBe('lo\n');
      expect(await sh(link, 'touch /run/corral/x 2>&1 | grep -c "Read-only\\|denied"')).toBe('1\n');
      expect(await sh(link, 'rm -f /run/corral/control 2>&1; test -S /run/corral/control && echo there')).toContain(
        'there',
      );
    },
  );

  test('inside there is no other user, no capability, and nothing of the server', async () => {
    const { id } = await tested().driver.provision(tested().spec(), budget());
    await using link = await tested().driver.attach(id, budget());
    expect(await sh(link, 'id -u; id -g')).toMatch(/^([1-9]\d{4,})\n\1\n$/);
    const status = await sh(link, 'grep -E "^(CapEff|CapPrm|CapBnd|NoNewPrivs):" /proc/self/status');
    expect(status.replaceAll(/\s+/g, ' ')).toContain('CapPrm: 0000000000000000 CapEff: 0000000000000000');
    expect(status.replaceAll(/\s+/g, ' ')).toContain('NoNewPrivs: 1');
    expect(await sh(link, 'touch /usr/x /etc/x /x 2>&1 | grep -c "Read-only\\|denied"')).toBe('3\n');
    expect(await sh(link, 'ls /var/run/docker.sock /run/docker.sock 2>&1 | grep -c "No such"')).toBe('2\n');
    expect(await sh(link, 'echo ok > /tmp/x && echo ok > "$HOME/x" && echo ok > /workspace/x && echo written')).toBe(
      'written\n',
    );
    expect(await sh(link, 'ulimit -c; ulimit -n')).toBe('0\n4096\n');
  });

  test('the workspace is also the home of the user called user, and is where commands begin', async () => {
    const { id } = await tested().driver.provision(tested().spec(), budget());
    await using link = await tested().driver.attach(id, budget());
    expect(await sh(link, 'id -un; pwd -P; echo "$HOME"')).toBe('user\n/workspace\n/workspace/.corral/home\n');
    expect(await sh(link, 'echo x > /workspace/one && cd /home/user && pwd -P && cat one')).toBe('/home/user\nx\n');
    expect(await sh(link, 'sudo -n id -un; touch /home/x 2>&1 | grep -c "Read-only\\|denied"')).toBe('user\n1\n');
    // The two names of Python are there, or neither.
    const inLogin = `bash -lc 'sudo -n id -un; test "$(type -P python3)" = "" -o "$(type -P python)" != "" && echo both'`;
    expect(await sh(link, inLogin)).toBe('user\nboth\n');
    const entry = await askDaemon(link, 'GET', '/paths/entry?path=/home/user');
    expect(entry).toMatchObject({ status: 200, body: { path: '/home/user', workspace: true } });
  });
}

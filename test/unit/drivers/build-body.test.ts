import { expect, test } from 'vitest';
import { createBuildBody } from '../../../drivers/docker/builds/builds.ts';
import { createSandboxBody } from '../../../drivers/docker/create-body.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testSpec } from '../../support/conformance/harness.ts';

const request = {
  spec: testSpec('corral-sandbox'),
  user: 10_001,
  name: 'corral-test-build-1',
  image: 'corral-sandbox:abc',
  labels: {},
  token: new Secret('s3cret'),
  mount: '/data/s/sbx/mount',
};
const body = createBuildBody(request, ['/init']);
const host = body.HostConfig as Record<string, unknown>;

test('a build has the walls of a sandbox but for the file system of its image and six capabilities of root', () => {
  const usual = createSandboxBody(request).HostConfig as Record<string, unknown>;
  const changed = ['CapAdd', 'ReadonlyRootfs', 'SecurityOpt', 'MaskedPaths', 'Mounts', 'Ulimits'];
  const rest = (all: Record<string, unknown>) => Object.entries(all).filter(([name]) => !changed.includes(name));
  expect(rest(host)).toEqual(rest(usual));
  expect(host).toMatchObject({
    NetworkMode: 'none',
    CapDrop: ['ALL'],
    CapAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'],
    ReadonlyRootfs: false,
  });
  expect((host.Mounts as { Type: string }[]).map(({ Type }) => Type)).toEqual(['bind']);
});

test('root of a build takes nothing of what the kernel counts for the root of the host', () => {
  const [privileges, profile] = host.SecurityOpt as string[];
  expect(privileges).toBe('no-new-privileges');
  const { syscalls } = JSON.parse((profile ?? '').replace('seccomp=', '')) as {
    syscalls: { names: string[]; action: string }[];
  };
  const actionsOf = (name: string) => syscalls.filter(({ names }) => names.includes(name)).map(({ action }) => action);
  expect([actionsOf('inotify_init1'), actionsOf('inotify_init')]).toEqual([['SCMP_ACT_ERRNO'], ['SCMP_ACT_ERRNO']]);
  expect(actionsOf('mount')).toEqual([]); // on no list: refused
  expect(host.MaskedPaths).toEqual(expect.arrayContaining(['/proc/kcore', '/proc/kpageflags', '/sys/firmware']));
  expect(actionsOf('openat')).toEqual(['SCMP_ACT_ALLOW']);
  expect(host.Ulimits).toEqual(
    expect.arrayContaining([
      { Name: 'fsize', Soft: 2 ** 30, Hard: 2 ** 30 },
      { Name: 'sigpending', Soft: 1_024, Hard: 1_024 },
      { Name: 'msgqueue', Soft: 65_536, Hard: 65_536 },
    ]),
  );
});

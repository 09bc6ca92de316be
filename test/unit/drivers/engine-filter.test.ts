import { describe, expect, test } from 'vitest';
import { createSandboxBody, securityOptions } from '../../../drivers/docker/create-body.ts';
import { createContainerRules, createVolumeRules } from '../../../drivers/docker/filter/container-rules.ts';
import { decideRoute, filtersByLabel } from '../../../drivers/docker/filter/routes.ts';
import { createSandboxLabels } from '../../../drivers/docker/labels.ts';
import { SandboxId, SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testSpec } from '../../support/conformance/harness.ts';

const scope = { instance: 'mine', root: '/var/lib/corral/s', users: { first: 40_000, last: 40_009 } };
const name = 'corral-mine-0123456789abcdef';
const id = SandboxId.parse('sbx-0123456789abcdef');
const env = { HTTP_PROXY: 'http://127.0.0.1:3128' };
const spec = testSpec('corral/sandbox', { id, sessionId: SessionId.parse('0123456789abcdef'), env });
type Body = Record<string, unknown> & { HostConfig: Record<string, unknown> & { Mounts: Record<string, unknown>[] } };
function ours(): Body {
  const labels = createSandboxLabels(spec, 'mine');
  const mount = `${scope.root}/${id}`;
  const input = { spec, user: 40_003, name, image: 'corral/sandbox:1', labels, token: new Secret('t'), mount };
  const { name: _name, ...body } = createSandboxBody(input);
  return JSON.parse(JSON.stringify(body));
}
const allows = (body: unknown) => createContainerRules(scope, name).safeParse(body).success;

// The rules refuse every setting that is not in them, so this also shows that the driver uses none of the escapes below.
test('a container as the driver makes it may be made', () =>
  expect(createContainerRules(scope, name).safeParse(ours()).error).toBeUndefined());

test("the filter allows a volume from this installation's pool, but not from another pool", () => {
  const on = (volume: string) => {
    const body = ours();
    for (const at of [1, 2]) Object.assign(body.HostConfig.Mounts[at] as object, { Source: volume });
    return allows(body);
  };
  expect([on('corral-mine-warm-fedcba9876543210'), on('corral-yours-warm-fedcba9876543210')]).toEqual([true, false]);
  expect(on('corral-mine-warm-of-another-fedcba9876543210')).toBe(false);
});

test("the filter allows only a plain local volume with the installation's labels", () => {
  const volume = { Name: name, Driver: 'local', Labels: { 'corral.owner-instance': 'mine', 'corral.workspace': 'x' } };
  const mayBe = (over: object) => createVolumeRules(scope.instance).safeParse({ ...volume, ...over }).success;
  expect([mayBe({}), mayBe({ Name: 'corral-yours-0123456789abcdef' })]).toEqual([true, false]);
  expect([mayBe({ Name: 'corral-mine-warm-0123456789abcdef' }), mayBe({ Driver: 'other' })]).toEqual([false, false]);
  expect(mayBe({ DriverOpts: { type: 'none', o: 'bind', device: '/' } })).toBe(false);
  expect(mayBe({ Labels: {} })).toBe(false);
});

const host = (more: object) => (body: Body) => Object.assign(body.HostConfig, more);
const mount = (index: number, more: object) => (body: Body) =>
  Object.assign(body.HostConfig.Mounts[index] as object, more);
const top = (more: object) => (body: Body) => Object.assign(body, more);
const allowsAll = 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}';
const forbidden: [string, (body: Body) => unknown][] = [
  ['privileged', host({ Privileged: true })],
  ['with an added capability', host({ CapAdd: ['SYS_ADMIN'] })],
  ['with all capabilities kept', host({ CapDrop: [] })],
  ['with most capabilities dropped', host({ CapDrop: ['NET_RAW'] })],
  ['with no seccomp', host({ SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'] })],
  ['with the engine’s seccomp profile', host({ SecurityOpt: ['no-new-privileges'] })],
  ['with a profile that allows all', host({ SecurityOpt: ['no-new-privileges', allowsAll] })],
  ['with two profiles', host({ SecurityOpt: [...securityOptions, allowsAll] })],
  ['with no AppArmor', host({ SecurityOpt: [...securityOptions, 'apparmor=unconfined'] })],
  ['with new privileges', host({ SecurityOpt: [] })],
  ['with a writable root', host({ ReadonlyRootfs: false })],
  ['in the host’s network', host({ NetworkMode: 'host' })],
  ['in a bridge', host({ NetworkMode: 'bridge' })],
  ['in another’s network', host({ NetworkMode: 'container:other' })],
  ['in the host’s process tree', host({ PidMode: 'host' })],
  ['with the host’s shared memory', host({ IpcMode: 'host' })],
  ['with the host’s name', host({ UTSMode: 'host' })],
  ['with the host’s users', host({ UsernsMode: 'host' })],
  ['with the host’s cgroups', host({ CgroupnsMode: 'host' })],
  ['in a chosen cgroup', host({ CgroupParent: '/' })],
  [
    'with a device',
    host({ Devices: [{ PathOnHost: '/dev/sda', PathInContainer: '/dev/sda', CgroupPermissions: 'rwm' }] }),
  ],
  ['with device rules', host({ DeviceCgroupRules: ['a *:* rwm'] })],
  ['with graphics', host({ DeviceRequests: [{ Count: -1 }] })],
  ['with a bind', host({ Binds: ['/:/host'] })],
  ['with the engine’s own socket', mount(0, { Source: '/var/run/docker.sock' })],
  ['with the host’s root', mount(0, { Source: '/' })],
  ['with the folder of all sockets', mount(0, { Source: scope.root })],
  ['with another sandbox’s sockets', mount(0, { Source: `${scope.root}/sbx-fedcba9876543210` })],
  ['with a folder in its own', mount(0, { Source: `${scope.root}/${id}/mount` })],
  ['with its own folder written otherwise', mount(0, { Source: `${scope.root}/${id}/` })],
  ['with a path that climbs out', mount(0, { Source: `${scope.root}/../../../../etc` })],
  ['with sockets that can be written', mount(0, { ReadOnly: false })],
  ['with sockets at another place', mount(0, { Target: '/etc' })],
  ['with shared propagation', mount(0, { BindOptions: { Propagation: 'rshared' } })],
  ['with another’s volume', mount(1, { Source: 'corral-mine-fedcba9876543210' })],
  [
    'with a volume that is a bind in disguise',
    mount(1, {
      VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'none', o: 'bind', device: '/' } }, Labels: {} },
    }),
  ],
  ['with another’s volume as its home', mount(2, { Source: 'corral-mine-fedcba9876543210' })],
  ['with a volume of the pool as its home beside its own', mount(2, { Source: 'corral-mine-warm-fedcba9876543210' })],
  ['with its volume at a third place', mount(2, { Target: '/opt/corral' })],
  ['with a folder of the host as its home', mount(2, { Type: 'bind', Source: '/', VolumeOptions: undefined })],
  ['with a home that is filled from its image', mount(2, { VolumeOptions: { NoCopy: false } })],
  ['without a home', (body) => body.HostConfig.Mounts.pop()],
  ['with one more mount', (body) => body.HostConfig.Mounts.push({ Type: 'bind', Source: '/', Target: '/host' })],
  ['with volumes of another', host({ VolumesFrom: ['other'] })],
  ['with sysctls', host({ Sysctls: { 'kernel.core_pattern': '|/x' } })],
  ['with an unmasked proc', host({ MaskedPaths: [] })],
  ['with writable kernel paths', host({ ReadonlyPaths: [] })],
  ['that memory pressure cannot end', host({ OomKillDisable: true })],
  ['that restarts for ever', host({ RestartPolicy: { Name: 'always' } })],
  ['that logs to somewhere', host({ LogConfig: { Type: 'syslog', Config: { 'syslog-address': 'tcp://10.0.0.1' } } })],
  ['with swap', host({ MemorySwap: -1 })],
  ['with no limit of memory', host({ Memory: 0, MemorySwap: 0 })],
  ['that takes as much of busy processors as the server', host({ CpuShares: 1_024 })],
  ['with no limit of processes', host({ PidsLimit: -1 })],
  ['with set-uid files in memory', host({ Tmpfs: { '/tmp': 'rw,suid,dev' } })],
  ['with memory over the daemon’s own folder', host({ Tmpfs: { '/opt/corral': 'rw,nosuid,nodev' } })],
  ['as root', top({ User: '0:0' })],
  ['as a user below the range', top({ User: '39999:39999' })],
  ['as a user above the range', top({ User: '40010:40010' })],
  ['as the user that all sandboxes shared', top({ User: '10001:10001' })],
  ['in root’s group', top({ User: '40003:0' })],
  ['as another user than its folders are for', top({ User: '40004:40004' })],
  ['without a user', top({ User: undefined })],
  ['with an entry point', top({ Entrypoint: ['/bin/sh'] })],
  ['with a command', top({ Cmd: ['sleep', '1'] })],
  ['with a published port', host({ PortBindings: { '80/tcp': [{ HostPort: '80' }] } })],
  ['with all ports published', host({ PublishAllPorts: true })],
  ['with an open port', top({ ExposedPorts: { '80/tcp': {} } })],
  ['without our label', top({ Labels: {} })],
  ['with another installation’s label', top({ Labels: { 'corral.owner-instance': 'other' } })],
  ['with a key in other letters', top({ hostconfig: { Privileged: true } })],
  ['with a network of its own', top({ NetworkingConfig: { EndpointsConfig: { bridge: {} } } })],
  ['with an unknown runtime', host({ Runtime: 'crun' })],
  ['removed by itself', host({ AutoRemove: true })],
];
test.each(forbidden)('a container %s may not be made', (_what, change) => {
  const body = ours();
  change(body);
  expect(allows(JSON.parse(JSON.stringify(body)))).toBe(false);
});

describe('a request', () => {
  test.each([
    ...['POST /containers/x/exec', 'POST /v1.41/containers/x/exec', 'POST /exec/x/start'],
    ...['POST /containers/x/attach', 'GET /containers/x/attach/ws', 'GET /containers/x/archive?path=/'],
    ...['PUT /containers/x/archive?path=/', 'GET /containers/x/export', 'GET /containers/x/logs'],
    ...['POST /containers/x/update', 'POST /containers/x/resize', 'POST /commit?container=x', 'POST /build'],
    ...['POST /images/load', 'POST /images/create?fromSrc=-', 'POST /images/x/push', 'DELETE /images/x'],
    ...['POST /volumes/prune', 'POST /containers/prune', 'POST /networks/create', 'POST /networks/x/connect'],
    ...['GET /networks', 'POST /swarm/init', 'GET /secrets', 'POST /plugins/pull', 'POST /auth', 'POST /session'],
    ...['GET /distribution/x/json', 'PUT /corral/sockets/..', 'PUT /corral/sockets/sbx-0123456789abcdef/mount'],
    ...['PUT /corral/sockets/sbx-0123456789ABCDEF', 'GET /corral/sockets/sbx-0123456789abcdef'],
    ...['POST /containers/x%2Fexec', 'POST /containers/x/../y/exec', 'POST //containers/create', 'TRACE /_ping'],
    'POST /v1.41/v1.41/containers/create',
  ])('%s is refused', (line) => {
    const [method = '', target = ''] = line.split(' ');
    expect(decideRoute(method, target).kind).toBe('refuse');
  });

  test.each([
    ['GET /v1.41/containers/abc/json', { kind: 'own', what: 'containers', id: 'abc' }],
    ['DELETE /containers/abc?force=true', { kind: 'own', what: 'containers', id: 'abc' }],
    ['POST /containers/abc/rename?name=evil', { kind: 'own', what: 'containers', id: 'abc', newName: 'evil' }],
    ['POST /containers/abc/start', { kind: 'own', what: 'containers', id: 'abc', starts: true }],
    ['PUT /corral/sockets/sbx-0123456789abcdef', { kind: 'make-folder', id: 'sbx-0123456789abcdef' }],
    ['DELETE /corral/sockets/sbx-0123456789abcdef', { kind: 'remove-folder', id: 'sbx-0123456789abcdef' }],
    ['DELETE /volumes/abc', { kind: 'own', what: 'volumes', id: 'abc' }],
    ['POST /containers/create?name=abc', { kind: 'create', name: 'abc' }],
    ['GET /containers/json?all=true', { kind: 'labelled-list' }],
    ['GET /images/corral/sandbox:1/json', { kind: 'pass' }],
    ['POST /images/create?fromImage=debian&tag=x', { kind: 'pass' }],
    ['GET /_ping', { kind: 'pass' }],
  ])('%s is known for what it is', (line, verdict) => {
    const [method = '', target = ''] = line.split(' ');
    expect(decideRoute(method, target)).toEqual(verdict);
  });

  test.each([
    ['{"label":["a=b"]}', true],
    ['{"label":{"a=b":true}}', true],
    ['{"label":{"a=b":false}}', false],
    ['{"label":["a=c"]}', false],
    ['{"label":"a=b"}', false],
    ['nonsense', false],
  ])("with the filters %s asks for the installation's label: %s", (filters, answer) =>
    expect(filtersByLabel(`/containers/json?filters=${encodeURIComponent(filters)}`, 'a=b')).toBe(answer),
  );
});

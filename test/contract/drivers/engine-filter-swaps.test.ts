// @module-tag all
// Attacks by a hijacked server on the one host folder that its sandboxes mount.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSandboxBody } from '../../../drivers/docker/create-body.ts';
import { openSocketFolders } from '../../../drivers/docker/filter/owned-folders.ts';
import { createSandboxLabels } from '../../../drivers/docker/labels.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testSpec } from '../../support/conformance/harness.ts';
import { docker, dockerHost, hasDocker } from '../../support/sandboxes/docker.ts';

const isRoot = process.getuid?.() === 0; // the server and the filter run as two other users of this machine
const possible = isRoot && (await hasDocker());
const server = 10_000;
const image = `corral-test-sleeps:${process.pid}`; // the image must exist so that the test can look into its container
const refusal = /not permitted|denied|must be superuser/i;
const repository = join(import.meta.dirname, '../../..');
const engine = dockerHost.replace('unix://', '');
const run = promisify(execFile);

/** Runs a command as the server's user without capabilities, as docker-compose.yaml does. */
const asServer = (script: string) =>
  run('setpriv', [...bare, `--reuid=${server}`, '--', 'sh', '-c', script]).then(
    () => 'done',
    ({ stderr }) => String(stderr),
  );
const bare = [`--regid=${server}`, '--clear-groups', '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs'];

describe.skipIf(!possible)('a server that was taken over, behind the engine filter', () => {
  const instance = `swap-${process.pid}`;
  const spec = testSpec(image);
  const name = `corral-${instance}-${spec.sessionId}`;
  let folder: string;
  let root: string;
  let leaf: string;
  let listen: string;
  let filter: ReturnType<typeof spawn>;

  const responseTo = async (method: string, path: string, body?: unknown) => {
    const call = request({ socketPath: listen, method, path, headers: { 'content-type': 'application/json' } });
    call.end(body === undefined ? undefined : JSON.stringify(body));
    const [reply] = (await once(call, 'response')) as [IncomingMessage];
    return `${reply.statusCode} ${await text(reply)}`;
  };
  const bodyWith = (mount: string, id = spec.id) => {
    const labels = createSandboxLabels({ ...spec, id }, instance);
    const request = { spec, user: 40_000, name, image, labels, token: new Secret('t'), mount };
    const { name: _, ...body } = createSandboxBody(request);
    return body;
  };
  /** Commands that try to redirect the path; each one prints its refusal. */
  const swaps = (path: string) => [
    `rmdir ${path} && ln -s /etc ${path}`,
    `rm -rf ${path}; ln -sfT /etc ${path}`,
    `mv ${path} ${path}.old`,
    `mv -T ${folder}/servers-own ${path}`,
    `mv ${root} ${root}.old`,
    `mv ${folder} ${folder}.old`,
    `mount --bind /etc ${path}`,
    `chmod 777 ${path} ${root}`,
  ];
  async function areRefused(commands: readonly string[]): Promise<void> {
    for (const it of commands) expect([it, await asServer(it)]).toEqual([it, expect.stringMatching(refusal)]);
  }
  const seenInside = async () => {
    const pid = await docker('inspect', '--format', '{{.State.Pid}}', name);
    return (await run('ls', [`/proc/${pid}/root/run/corral`])).stdout;
  };

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'corral-swap-'));
    await chmod(folder, 0o755);
    [root, listen] = [join(folder, 'sockets'), join(folder, 'engine.sock')];
    leaf = join(root, spec.id);
    await mkdir(join(folder, 'servers-own'));
    await chown(join(folder, 'servers-own'), server, server);
    const args = ['src/app/main.ts', 'engine-filter', '--engine', engine, '--listen', listen];
    const own = ['--instance', instance, '--root', root];
    filter = spawn('setpriv', [...bare, '--', process.execPath, ...args, ...own], {
      cwd: repository,
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    await once(filter.stderr as NodeJS.ReadableStream, 'data'); // the filter is ready
    const made = await docker('create', '--pull', 'never', 'debian:bookworm-slim');
    await docker('commit', '--change', 'CMD ["sleep","600"]', made, image);
    await docker('rm', made);
  });
  afterAll(async () => {
    await docker('rm', '--force', '--volumes', name).catch(() => {}); // the container may not exist
    await docker('volume', 'rm', '--force', name);
    await docker('rmi', '--force', image);
    if (filter?.exitCode === null) {
      filter.kill('SIGTERM');
      await once(filter, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  });

  test('can use its sandbox’s folder, and can make nobody mount another one, before its first start or a later one', async () => {
    expect(await responseTo('PUT', `/corral/sockets/${spec.id}`)).toBe('204 ');
    expect(await asServer(`touch ${leaf}/marker && mv ${leaf}/marker ${leaf}/control`)).toBe('done');
    expect(await responseTo('POST', `/containers/create?name=${name}`, { ...bodyWith(leaf) })).toContain('201');

    await areRefused(swaps(leaf));
    // The server can ask the filter to remove the folder, but cannot replace it.
    expect(await responseTo('DELETE', `/corral/sockets/${spec.id}`)).toBe('204 ');
    await areRefused([`ln -s /etc ${leaf}`, `mkdir ${leaf}`, `mv ${folder}/servers-own ${leaf}`]);
    expect(await responseTo('POST', `/containers/${name}/start`)).toContain('there is no folder for');

    expect(await responseTo('PUT', `/corral/sockets/${spec.id}`)).toBe('204 ');
    for (const start of ['first', 'second']) {
      expect(await asServer(`touch ${leaf}/control; ln -s /etc ${leaf}/link`)).toBe('done');
      expect([start, await responseTo('POST', `/containers/${name}/start`)]).toEqual([start, '204 ']);
      expect(await seenInside()).toBe('control\nlink\n');
      expect(await responseTo('POST', `/containers/${name}/stop?t=0`)).toBe('204 ');
      await areRefused(swaps(leaf));
    }
  });

  test('cannot start a container that an older filter let mount a folder of the server’s own', async () => {
    const old = join(folder, 'servers-own', 'mount');
    await mkdir(old);
    await docker('rm', '--force', '--volumes', name).catch(() => {}); // left by the previous test
    const labels = Object.entries(createSandboxLabels(spec, instance)).map(([key, value]) => `--label=${key}=${value}`);
    const mount = `type=bind,source=${old},target=/run/corral,readonly`;
    await docker('create', '--name', name, ...labels, '--mount', mount, image);
    await rm(old, { recursive: true });
    await symlink('/etc', old);
    expect(await responseTo('POST', `/containers/${name}/start`)).toMatch(/^403 .*create it again/);
  });

  test('has no filter whose folder it could change', async () => {
    const open = join(folder, 'open');
    await mkdir(open);
    await chown(open, server, server);
    await expect(openSocketFolders(join(open, 'sockets'))).rejects.toThrow(`can change the folder ${open}`);
    await chown(open, 0, 0);
    await chmod(open, 0o777);
    await expect(openSocketFolders(open)).rejects.toThrow('could make the engine mount');
  });
});

// Starts a container with settings copied from one of Corral's, through the engine's API alone. The start is timed until
// the first command ends, or until the daemon first answers over the socket that it dials.
import { chmod, mkdir } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { type ContainerInspection, callEngineApi } from '../lib/calls/engine-api.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import { execRaw } from './raw-exec.ts';

export interface RawContainer extends AsyncDisposable {
  readonly id: string;
  readonly startMs: number;
  readonly from: number;
  readonly idle: Socket[];
  readonly token: string;
}
let count = 0;
const newName = () => `corral-bench-${process.pid}-${++count}`;
const labels = { 'corral.bench': String(process.pid) };

export async function startRawContainer(
  { Config, HostConfig }: ContainerInspection,
  until: 'command' | 'daemon',
): Promise<RawContainer> {
  await using stack = new AsyncDisposableStack();
  const name = newName();
  const mount = join(stack.use(await createTempFolder()).path, 'mount');
  await mkdir(mount);
  await chmod(mount, 0o755);
  const token = 'raw-container';
  const Env = [
    ...Config.Env.filter((entry) => !/^CORRAL_(SANDBOXD_TOKEN|TOKEN_FILE)=/.test(entry)),
    `CORRAL_SANDBOXD_TOKEN=${token}`,
  ];
  const idle: Socket[] = [];
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const server = createServer((socket) => {
    socket.setEncoding('latin1').on('error', () => {});
    socket.once('data', () => {
      socket.write(`ok\nGET /health HTTP/1.1\r\nHost: sandbox\r\nAuthorization: Bearer ${token}\r\n\r\n`);
      socket.once('data', (head) => {
        if (!String(head).startsWith('HTTP/1.1 200')) return;
        idle.push(socket);
        resolve();
      });
    });
  });
  stack.defer(() => void server.close());
  const path = join(mount, 'control');
  await new Promise<void>((listening) => server.listen({ path, readableAll: true, writableAll: true }, listening));
  // The first of the two mount points sets the volume's owner, as in Corral's container.
  const volume = (NoCopy = false) => ({ NoCopy, Labels: labels, DriverConfig: { Name: 'local' } });
  const Mounts = HostConfig.Mounts.map((it) =>
    it.Type === 'bind'
      ? { ...it, Source: mount }
      : { ...it, Source: name, VolumeOptions: volume(it.VolumeOptions?.NoCopy) },
  );
  const body = { ...Config, Env, Labels: labels, HostConfig: { ...HostConfig, Mounts } };

  const from = monotonicMs();
  const { Id: id } = await callEngineApi<{ Id: string }>('POST', `/containers/create?name=${name}`, body);
  stack.defer(async () => {
    await callEngineApi('DELETE', `/containers/${id}?force=1`).catch(() => {}); // the row may have removed it already
    await callEngineApi('DELETE', `/volumes/${name}`);
  });
  await callEngineApi('POST', `/containers/${id}/start`);
  if (until === 'command') await execRaw(id, 'true');
  else await answered;
  const startMs = monotonicMs() - from;
  const held = stack.move();
  return { id, startMs, from, idle, token, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

export async function startBareContainer(
  stack: AsyncDisposableStack,
  { Config, HostConfig }: ContainerInspection,
  Cmd: string[],
) {
  const body = { ...Config, Labels: labels, WorkingDir: '/tmp', Cmd, HostConfig: { ...HostConfig, Mounts: [] } };
  const { Id: id } = await callEngineApi<{ Id: string }>('POST', `/containers/create?name=${newName()}`, body);
  stack.defer(() => callEngineApi('DELETE', `/containers/${id}?force=1`));
  await callEngineApi('POST', `/containers/${id}/start`);
  return id;
}

export async function removeRawContainer(id: string): Promise<void> {
  await callEngineApi('POST', `/containers/${id}/kill`);
  await callEngineApi('DELETE', `/containers/${id}`);
}

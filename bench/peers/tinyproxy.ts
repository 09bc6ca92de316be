// tinyproxy, from Debian's package, with one host in its allow-list. It refuses everything else.
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../test/support/servers/free-port.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { waitUntil } from '../lib/calls/until.ts';

export const tinyproxyProgram = '/usr/bin/tinyproxy';

export async function startTinyproxy(stack: AsyncDisposableStack, host: string, to: number): Promise<number> {
  const { path } = stack.use(await createTempFolder());
  const port = await freePort();
  const [config, filter] = [join(path, 'config'), join(path, 'filter')];
  await writeFile(filter, `^${host.replaceAll('.', '\\.')}$\n`);
  const lines = [
    ...[`Port ${port}`, 'Listen 127.0.0.1', 'Allow 127.0.0.1', `ConnectPort ${to}`, 'LogLevel Critical'],
    ...[`Filter "${filter}"`, 'FilterExtended On', 'FilterDefaultDeny Yes', 'MaxClients 100'],
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  stack.adopt(spawn(tinyproxyProgram, ['-d', '-c', config], { stdio: 'ignore' }), (child) => void child.kill());
  await waitUntil(() => listens(port), 'tinyproxy listened');
  return port;
}

const listens = (port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });

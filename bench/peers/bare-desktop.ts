// Only Xvnc and Chromium in an equal container: the minimal cost of a desktop.
import { setTimeout as pause } from 'node:timers/promises';
import { type Inspected, tell } from '../lib/engine-api.ts';

let count = 0;
const startMs = 8_000;
const script = [
  'Xvnc :1 -geometry 1280x800 -depth 24 -rfbunixpath /tmp/vnc -rfbport -1 -SecurityTypes None -extension GLX &',
  'sleep 1; export DISPLAY=:1',
  'exec /usr/lib/chromium/chromium --no-sandbox --disable-gpu --no-first-run --disable-breakpad --disable-sync',
  '--disable-background-networking --disable-component-update --user-data-dir=/tmp/profile',
  '--window-position=0,0 --window-size=1280,800 about:blank',
];

export async function bareDesktop({
  Config,
  HostConfig,
}: Inspected): Promise<{ readonly id: string } & AsyncDisposable> {
  const name = `corral-bench-bare-${process.pid}-${++count}`;
  const command = `${script.slice(0, 2).join(' ')}; ${script.slice(2).join(' ')}`;
  const host = { ...HostConfig, Mounts: [] };
  const Labels = { 'corral.bench': String(process.pid) };
  const body = { ...Config, Labels, WorkingDir: '/tmp', Cmd: ['sh', '-c', command], HostConfig: host };
  const { Id: id } = await tell<{ Id: string }>('POST', `/containers/create?name=${name}`, body);
  const remove = async () => void (await tell('DELETE', `/containers/${id}?force=1`));
  await tell('POST', `/containers/${id}/start`);
  await pause(startMs);
  return { id, [Symbol.asyncDispose]: remove };
}

// Only Xvnc and Chromium in an equal container: the minimal cost of a desktop.
import { setTimeout as pause } from 'node:timers/promises';
import type { Inspected } from '../lib/engine-api.ts';
import { bareContainer } from './bare-container.ts';

const startMs = 8_000;
const script = [
  'Xvnc :1 -geometry 1280x800 -depth 24 -rfbunixpath /tmp/vnc -rfbport -1 -SecurityTypes None -extension GLX &',
  'sleep 1; export DISPLAY=:1',
  'exec /usr/lib/chromium/chromium --no-sandbox --disable-gpu --no-first-run --disable-breakpad --disable-sync',
  '--disable-background-networking --disable-component-update --user-data-dir=/tmp/profile',
  '--window-position=0,0 --window-size=1280,800 about:blank',
];

export async function bareDesktop(likeness: Inspected): Promise<{ readonly id: string } & AsyncDisposable> {
  const command = `${script.slice(0, 2).join(' ')}; ${script.slice(2).join(' ')}`;
  const container = await bareContainer(likeness, ['sh', '-c', command]);
  await pause(startMs);
  return container;
}

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { WireClient } from '../../support/clients/e2b-wire.ts';

// Pauses and ends of a real sandbox. These rows come last, because they end it.
const run = promisify(execFile);

export function endRows(it: WireClient): void {
  const path = (rest = '') => `/sandboxes/${it.sid}${rest}`;
  const post = async (rest: string, body?: object) =>
    (await it.api(path(rest), { method: 'POST', ...(body && { body: JSON.stringify(body) }) })).status;
  const sleeping = () => it.open('process.Process/Start', it.shell('sleep 961'));

  test('a pause breaks open streams, and until its end the sandbox answers as one that is gone', async () => {
    const { rest } = await sleeping();
    const broken = expect(rest()).rejects.toThrow('terminated');
    expect(await post('/pause')).toBe(204);
    await broken;
    expect(await (await it.api(path())).json()).toMatchObject({ sandboxID: it.sid, state: 'paused' });
    const health = await it.agent('/health');
    const gone = { sandboxId: it.sid, message: 'The sandbox was not found', code: 502 };
    expect([health.status, await health.json()]).toEqual([502, gone]);
    expect([await post('/pause'), await post('/timeout', { timeout: 60 })]).toEqual([409, 404]);
  });
  test('a resume finds the processes as they were, and new ones have the variables of the create', async () => {
    expect(await post('/resume', { timeout: 300 })).toBe(201);
    const script = 'echo $OF_CREATE; pgrep -fc "^sleep 961"';
    expect((await it.stream('process.Process/Start', it.shell(script))).stdout).toBe('yes\n1\n');
    expect((await it.agent('/health')).status).toBe(204);
  });
  test('a pause without memory keeps the home, and nothing else', async () => {
    const run = async (text: string) => (await it.stream('process.Process/Start', it.shell(text))).stdout;
    await run('echo kept > kept; echo lost > /tmp/lost');
    expect([await post('/pause', { memory: false }), await post('/resume', { timeout: 300 })]).toEqual([204, 201]);
    expect(await run('pwd -P; cat kept /workspace/kept; ls /tmp/lost 2>&1 | grep -o "No such"')).toBe(
      '/home/user\nkept\nkept\nNo such\n',
    );
  });
  test('a sandbox that dies behind our back breaks its streams', async () => {
    const { rest } = await sleeping();
    const broken = expect(rest()).rejects.toThrow('terminated');
    const { stdout } = await run('docker', ['ps', '--quiet', '--filter', `name=${it.sid}`]);
    await run('docker', ['kill', stdout.trim()]);
    await broken;
  });
}

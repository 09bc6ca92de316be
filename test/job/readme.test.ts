// @module-tag all
// Runs the README's quick start and the first five minutes with curl line by line, unchanged; the curl lines with `process`, and in a nightly run with Docker too.
import { execFile, spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { serverProcess } from '../support/servers/server-process.ts';

const execute = promisify(execFile);
const answers = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
const drivers = [
  { driver: 'docker', missing: answers('docker', 'version') ? '' : 'Docker does not answer' },
  { driver: 'process', missing: answers('bwrap', '--version') ? '' : 'bubblewrap is not installed' },
];

async function sectionOf(file: string, heading: string): Promise<string> {
  const text = await readFile(file, 'utf8');
  return text.split('\n## ').find((part) => part.startsWith(heading)) ?? '';
}

async function curlBlocks(url: string): Promise<string[]> {
  const section = await sectionOf('docs/facades/sheikhbox.md', 'First five minutes');
  const blocks = [...section.matchAll(/```bash\n([\s\S]*?)\n {3}```\n/g)].map(([, block = '']) => block);
  return blocks.map((block) => block.replaceAll('http://127.0.0.1:8000', url));
}

describe.each(drivers)('the first five minutes with curl on $driver', { tags: ['all'] }, ({ driver, missing }) => {
  test('work as written, and leak nothing', async (context) => {
    if (process.env.CI === 'true') expect(missing).toBe('');
    context.skip(missing !== '', missing);
    await using server = await serverProcess({ CORRAL_DRIVER: driver });
    const blocks = await curlBlocks(server.url);
    const script = blocks.map((block, n) => `echo; echo "=== ${n}"\n${block}`).join('\n');
    const { stdout } = await execute('bash', ['-c', script], { maxBuffer: 1 << 24 });
    const [open = '', chat = '', panels = '', stop = '', gone = ''] = stdout.split(/^=== \d\n/m).slice(1);

    const sid = /session ([0-9a-f]{16})\n/.exec(open)?.[1];
    expect(sid, `${stdout}\n${server.output()}`).toBeDefined();
    const names = [...chat.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
    expect(names.slice(0, 4)).toEqual(['title', 'message', 'plan', 'step']);
    expect(names).toContain('tool');
    expect(names.at(-1)).toBe('done');
    expect(chat).toMatch(/"status":"called".*hello from/);
    expect(panels.match(/hello from/g)?.length).toBeGreaterThanOrEqual(2);
    expect(stop).toMatch(/sleep 600/);
    expect(stop).toMatch(/event: done/);
    expect(gone).toMatch(/"code":0/);

    expect((await fetch(`${server.url}/api/v1/sessions/${sid}`)).status).toBe(404);
    const left = await readdir(server.data, { recursive: true });
    expect(left.filter((name) => name.includes(sid ?? ''))).toEqual([]);
    if (driver === 'docker') {
      const { stdout: all } = await execute('docker', ['ps', '-a', '--format', '{{.Names}} {{.Labels}}']);
      const { stdout: volumes } = await execute('docker', ['volume', 'ls', '--format', '{{.Name}} {{.Labels}}']);
      expect(all + volumes).not.toContain(sid);
    }
  });
});

// @module-tag all
// Runs the README's quick start and the first five minutes with curl line by line, unchanged; the curl lines with `process`, and in a nightly run with Docker too.
import { execFile, spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { needs } from '../support/servers/components.ts';
import { serverProcess } from '../support/servers/server-process.ts';
import { onTerminal } from '../support/terminals/on-terminal.ts';

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

describe.each(drivers)('the first five minutes with curl on $driver', ({ driver, missing }) => {
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

test("the README's quick start works as written, line after line", { tags: ['nightly'] }, async (context) => {
  await needs(context, 'bubblewrap');
  const section = await sectionOf('README.md', 'Quick start');
  const lines = [...section.matchAll(/^ {4}((?:npm start|[.][/]corral).*?)(?: +#.*)?$/gm)].map(([, line = '']) => line);
  expect(lines.map((line) => line.split(' ')[1])).toEqual(['start', 'run', 'exec', 'attach', 'fork', 'rm']);
  const [, run = '', exec = '', attach = '', fork = '', remove = ''] = lines;
  await using server = await serverProcess({ CORRAL_DRIVER: 'process' }); // the first line
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, CORRAL_DATA_DIR: server.data };
  const does = (...command: string[]) => {
    const running = execute(command[0] ?? '', command.slice(1), { env, maxBuffer: 1 << 24 });
    running.child.stdin?.end();
    return running;
  };
  const sessions = async () => {
    const answer = await fetch(`${server.url}/trpc/sessions.list`);
    return ((await answer.json()) as { result: { data: { items: { id: string }[] } } }).result.data.items;
  };

  expect((await does('bash', '-c', run)).stdout).toContain('All steps are done.');
  expect((await does('bash', '-c', exec)).stdout).toMatch(/^Linux /m);
  const steps = [
    { expect: '[$#] ', send: 'echo $((40 + 2)) typed\r' },
    { expect: '42 typed', send: '\u0010\u0011' },
    { expect: 'detached; reattach' },
  ];
  await onTerminal(['bash', '-c', attach], { steps, env });
  const [first] = await sessions();
  expect((await does('bash', '-c', fork)).stdout).toMatch(/^[0-9a-f]{16}$/m);
  expect(await sessions()).toHaveLength(2);
  await does('bash', '-c', remove);
  expect(await sessions()).toEqual([expect.objectContaining({ id: first?.id })]);
});

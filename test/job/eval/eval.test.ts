// @module-tag all
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, type TestContext, test, vi } from 'vitest';
import { runSessionCommand } from '../../../eval/lib/sessions.ts';
import { fence } from '../../support/clients/api.ts';
import { nightly } from '../../support/runner/tags.ts';
import { needs } from '../../support/servers/components.ts';
import { outcomeOf } from '../../support/servers/program-outcome.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { inEachWorld, processWorld } from '../../support/worlds.ts';

const { path: folder, ...made } = temporaryFolder();
afterAll(() => made[Symbol.dispose]());

const evaluateWith = (variables: NodeJS.ProcessEnv, ...args: string[]) =>
  outcomeOf(process.execPath, ['--disable-warning=ExperimentalWarning', 'eval/run.ts', ...args], {
    env: { ...process.env, ...variables },
  });
const evaluate = (...args: string[]) => evaluateWith({}, ...args);

const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

async function ready(context: TestContext, driver: 'docker' | 'process'): Promise<void> {
  if (driver === 'docker') return await needs(context, 'docker');
  await needs(context, 'bubblewrap');
  await needs(context, 'desktop');
}

inEachWorld('process', 'on $driver', ({ driver }) => {
  test('all twenty tasks pass with their recorded replies', { tags: ['nightly'] }, async (context) => {
    await ready(context, driver as 'docker');
    const file = join(folder, `${driver}.json`);
    const { code, out, err } = await evaluate('--driver', driver, '--json', file);
    expect(out, err).toContain(`20 of 20 passed with recorded replies on ${driver}`);
    expect(code).toBe(0);
    const { outcomes } = JSON.parse(await readFile(file, 'utf8'));
    expect(outcomes).toHaveLength(20);
    for (const { turns, cost } of outcomes) expect(turns > 2 && cost > 0).toBe(true);
  });
});

describe('on process', () => {
  const locals = process.env.LOCAL_MODEL_URL?.split(',') ?? [undefined];
  test.for(locals)(
    'each run with the small model at %s ends by itself, within its budgets',
    nightly,
    async (url, context) => {
      context.skip(url === undefined, 'LOCAL_MODEL_URL names no server with a small model');
      await ready(context, 'process');
      const file = join(folder, 'local.json');
      const models = {
        CORRAL_MODELS_COMPATIBLE: JSON.stringify({ local: { 'base-url': url } }),
        CORRAL_MODELS_CATALOG: JSON.stringify({ 'local/small': { window: 8_192, 'max-output': 512 } }),
      };
      const args = ['--model', 'local/small', '--driver', 'process', '--parallel', '2', '--json', file];
      await evaluateWith(models, ...args);
      const { outcomes } = JSON.parse(await readFile(file, 'utf8')) as {
        outcomes: { status: string; turns: number }[];
      };
      expect([outcomes.length, outcomes.filter(({ status }) => /^(broken|timed out)/.test(status))]).toEqual([20, []]);
      expect(Math.max(...outcomes.map(({ turns }) => turns))).toBeLessThanOrEqual(100);
    },
  );

  test("each checker accepts its task's solution and refuses the beginning", { tags: ['nightly'] }, async (context) => {
    await ready(context, 'process');
    const { code, out, err } = await evaluate('--driver', 'process', '--check');
    expect(out, err).toContain('20 checkers of 20');
    expect(err).not.toMatch(/FAIL|WRONG/);
    expect(code).toBe(0);
  });

  test('a captured session is a task that passes with its own replies alone', {
    tags: ['nightly'],
  }, async (context) => {
    await ready(context, 'process');
    const task = join(folder, 'captured');
    {
      await using server = await realServer(context, processWorld);
      const id = await server.ready();
      await server.client.send(
        id,
        `Make a list\n${fence('file:list.txt', 'b\na')}\n${fence('sh', 'sort list.txt > sorted.txt')}`,
      );
      await server.rests(id);
      const at = { signal: new AbortController().signal, print: () => {}, say: () => {} };
      expect(await runSessionCommand(['capture', id, '--to', task, '--url', server.server.url], at)).toBe(0);
    }
    expect((await evaluate('--driver', 'process', '--check', '--tasks', task)).out).toContain('1 checkers of 1');
    const played = await evaluate('--driver', 'process', '--tasks', task);
    expect(played.out, played.err).toContain('1 of 1 passed');
    await writeFile(
      join(task, 'recorded.json'),
      JSON.stringify([{ calls: [{ name: 'no_such_tool', args: {} }] }, { text: 'Done.' }]),
    );
    const broken = await evaluate('--driver', 'process', '--tasks', task);
    expect(broken.out).toContain('0 of 1 passed');
    expect(broken.code).toBe(1);
  });
});

describe('without a sandbox', () => {
  const outcome = (task: string, passed: boolean) => ({
    task,
    attempt: 1,
    passed,
    reward: passed ? 1 : 0,
    status: 'completed',
    why: '',
    seconds: 2,
    turns: 3,
    inputTokens: 100,
    cachedTokens: 10,
    outputTokens: 20,
    cost: 0.5,
  });
  const report = async (name: string, outcomes: readonly object[]) => {
    const file = join(folder, name);
    const about = { schema: 'corral-eval/1', model: `a/${name}`, driver: 'process', startedAt: '2026-01-01T00:00:00Z' };
    await writeFile(file, JSON.stringify({ ...about, outcomes }));
    return file;
  };

  test('two reports stand side by side, also with attempts and tasks that only one of them has', async () => {
    const a = await report('one', [outcome('sort', true), outcome('sort', false), outcome('plot', true)]);
    const b = await report('two', [outcome('sort', true)]);
    const { code, out, err } = await evaluate('--compare', a, b);
    expect(code, err).toBe(0);
    expect(out).toMatch(/sort .*1\/2.*1\/1/);
    expect(out).toContain('plot');
  });

  test('an evaluation that is ended while its server starts leaves no server behind', async () => {
    const child = spawn(process.execPath, ['eval/run.ts', '--driver', 'memory', '--tasks', 'query-sqlite'], {
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    const server = await vi.waitUntil(() => childrenOf(child.pid as number)[0], { timeout: 20_000, interval: 5 });
    child.kill('SIGTERM');
    const [code] = await exit;
    const left = existsSync(`/proc/${server}`);
    if (left) process.kill(server, 'SIGKILL');
    expect([left, code]).toEqual([false, 1]);
  });

  test.each([
    ['no JSON', 'not json', 'is no report'],
    ['another JSON', '{"a":1}', 'is no report'],
  ])('%s is refused as a report in one sentence', async (_, text, why) => {
    const file = join(folder, 'wrong.json');
    await writeFile(file, text);
    const { code, err } = await evaluate('--compare', file, file);
    expect(code).toBe(2);
    expect(err).toContain(why);
    expect(err).not.toContain('at async');
  });

  test.each([
    [['--repeat', '0'], '--repeat needs a number from 1'],
    [['--tasks', 'no-such-task'], 'no-such-task'],
  ])('%j is refused before anything starts', async (args, why) => {
    const servers = await mkdtemp(join(folder, 'servers-'));
    const { code, err } = await evaluateWith({ TMPDIR: servers }, ...args);
    expect(code).toBe(2);
    expect(err).toContain(why);
    expect(readdirSync(servers)).toEqual([]);
  });
});

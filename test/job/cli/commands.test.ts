import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { runCommand } from '../../support/clients/cli.ts';
import { test } from '../../support/fixtures.ts';
import { eachNeeds } from '../../support/servers/components.ts';
import type { CliOptions } from '../../support/servers/packed-cli.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

// Commands in this process against a real server. terminal.test.ts starts the program itself.
let env: Record<string, string>;
const folder = temporaryFolder();
const local = (file: string) => join(folder.path, file);

eachNeeds('bubblewrap');
let box = '';
test.beforeEach(({ crew }) => {
  env = crew.env;
  box = crew.box.id;
});
afterAll(() => folder[Symbol.dispose]());

const cli = (args: readonly string[], options: CliOptions = {}) => runCommand(args, { env, ...options });
const corral = (...args: string[]) => cli(args);
const fails = async (args: readonly string[], code: number, says: string) =>
  expect(await corral(...args)).toMatchObject({ code, stderr: expect.stringContaining(says) });
const newBox = async () => (await corral('run', '--detach', fence('sh', 'echo begun'))).stdout.trim();
const linesOf = ({ stdout }: { readonly stdout: string }) =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
const sha256 = async (file: string) => {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece);
  return hash.digest('hex');
};

describe('prebuild', () => {
  test('says why a repository could not be prepared and leaves nothing', { tags: ['all'] }, async () => {
    const url = 'https://git.example.org/team/project.git';
    const { code, stdout, stderr } = await corral('prebuild', url);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/egress policy does not allow git\.example\.org/);
    expect((await corral('automation', 'ls', '--json')).stdout).toBe('');
    expect((await corral('ls', '--json')).stdout).not.toContain('Prebuild');
    await fails(['prebuild', `${url}#main`, '--ref', 'main'], 2, '--ref applies to a single repository');
  });

  test('with a schedule is an automation that stays', async () => {
    const url = 'https://git.example.org/team/project.git';
    const { code, stdout } = await corral('prebuild', url, '--ref', 'main', '--cron', '0 5 1 1 *', '--detach');
    expect(code).toBe(0);
    const [line] = (await corral('automation', 'ls', '--json')).stdout.trim().split('\n');
    expect(JSON.parse(line ?? '')).toMatchObject({
      ...{ id: stdout.trim(), kind: 'prebuild', schedule: { cron: '0 5 1 1 *' } },
      repositories: [{ url, ref: 'main' }],
    });
    await corral('automation', 'rm', stdout.trim());
  });
});

describe('run', () => {
  test('prints the words of the agent alone where nothing is a terminal, and exits with 0', async () => {
    const { code, stdout, stderr } = await corral('run', fence('sh', 'echo it works'));
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).not.toContain('\u001b');
    expect(stdout.trim()).not.toBe('');
  });

  test('--follow shows the work on stderr', async () => {
    const { stderr } = await corral('run', '--session', box, '--follow', fence('sh', 'echo it works'));
    expect(stderr).toMatch(/\$ echo it works\n(sandbox: .*\n)*it works\n/);
    expect(stderr).toMatch(/✓ \d+\.\d s/);
  });

  test('--json prints one result, and with --follow every event before it', async () => {
    const { stdout } = await corral('run', '--session', box, '--json', fence('sh', 'echo one'));
    expect(JSON.parse(stdout)).toMatchObject({ type: 'result', status: 'completed', reason: 'completed' });
    const followed = linesOf(await corral('run', '--session', box, '--json', '--follow', fence('sh', 'echo one')));
    const types = followed.map(({ type }) => type);
    expect(types).toContain('tool.called');
    expect(types.slice(-2)).toEqual(['run.end', 'result']);
  });

  test('--check judges the work, and the exit code says what became of it', async () => {
    const met = await corral('run', '--check', 'grep -q yes done.txt', fence('sh', 'echo yes > done.txt'));
    expect([met.code, met.stderr]).toEqual([0, 'The goal is satisfied: All checks passed.\n']);
    const missed = ['run', '--json', '--check', 'exit 3', '--revisions', '0', fence('sh', 'echo done')];
    const { code, stdout } = await corral(...missed);
    expect(code).toBe(8);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'completed', goal: { result: 'not_satisfied', rounds: 1 } });
    await fails(['run', '--revisions', '2', 'Say hi'], 2, '--revisions needs a goal');
  });

  test('--template chooses what the session is like, for a new session alone', async () => {
    const { stdout } = await corral('run', '--template', 'minimal', '--detach', fence('sh', 'echo begun'));
    const shown = await corral('show', stdout.trim(), '--json');
    expect(JSON.parse(shown.stdout)).toMatchObject({ template: 'minimal' });
    await fails(['run', '--template', 'none', 'Say hello'], 1, 'There is no template "none".');
    await fails(
      ['run', '--template', 'minimal', '--session', stdout.trim(), 'Say hello'],
      2,
      '--template applies only to a new session',
    );
  });

  test('exits with 1 and the reason when the run fails', async () => {
    const { code, stderr } = await corral('run', '--session', box, fence('fail', 'the model is out'));
    expect(code).toBe(1);
    expect(stderr).toContain('Run failed: the model is out');
  });

  test('exits with 6 and the question when nobody can answer', async () => {
    const { code, stderr } = await corral('run', fence('ask', 'Which colour?'));
    expect(code).toBe(6);
    expect(stderr).toMatch(/Which colour\?[\s\S]*corral chat --session [0-9a-f]{16}/);
  });

  test('--file puts a file into the workspace', async () => {
    await writeFile(local('words.txt'), 'one two three');
    const { stderr } = await corral('run', '--follow', '--file', local('words.txt'), fence('sh', 'wc -w < words.txt'));
    expect(stderr).toMatch(/\$ wc -w < words.txt\n3\n/);
  });
});

describe('cp', () => {
  const mebibytes = 10; // a copy is many pieces
  test(`copies ${mebibytes} MiB both ways with equal hashes`, async () => {
    const there = local('big.bin');
    const piece = Buffer.alloc(1_048_576, 'corral ');
    await writeFile(
      there,
      Buffer.concat(Array.from({ length: mebibytes }, (_, n) => Buffer.concat([Buffer.from([n]), piece.subarray(1)]))),
    );
    const up = await corral('cp', '--json', there, `${box}:in/`);
    expect(up).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(up.stdout)).toEqual({
      session: box,
      from: there,
      to: `${box}:in/big.bin`,
      size: mebibytes * piece.length,
    });
    const inside = await corral('exec', box, 'sha256sum < in/big.bin');
    const down = await corral('cp', '--json', `${box}:in/big.bin`, local('back.bin'));
    expect(JSON.parse(down.stdout).size).toBe(mebibytes * piece.length);
    const expected = await sha256(there);
    expect([inside.stdout.split(' ')[0], await sha256(local('back.bin'))]).toEqual([expected, expected]);
  });

  test('reads standard input and writes standard output', async () => {
    await cli(['cp', '-', `${box}:note.txt`], { input: 'from a pipe' });
    expect((await corral('cp', `${box}:note.txt`, '-')).stdout).toBe('from a pipe');
  });

  test('a file outside of the workspace is refused, and a missing one is 5', async () => {
    expect(await corral('cp', `${box}:/etc/passwd`, local('x'))).toMatchObject({ code: 1 });
    expect(await corral('cp', `${box}:nothing.txt`, local('x'))).toMatchObject({ code: 5 });
    expect(await readFile(local('x')).catch(() => 'none')).toBe('none');
  });
});

describe('exec', () => {
  test("passes input, both outputs and the command's exit code on", async () => {
    const done = await cli(['exec', box, 'cat; echo oh >&2; exit 7'], { input: 'hello' });
    expect(done).toEqual({ code: 7, stdout: 'hello', stderr: 'oh\n' });
  });

  test('streams 50 MB', { tags: ['nightly'] }, async () => {
    const { stdout } = await corral('exec', box, 'head -c 50000000 /dev/zero | tr "\\0" x');
    expect(stdout.length).toBe(50_000_000);
  });

  test('several words are a program with its arguments, options included', async () => {
    expect((await corral('exec', box, 'printf', '%s|', '-n', 'a b', "it's")).stdout).toBe("-n|a b|it's|");
  });

  test('what stands behind -- is a program with its arguments, as with Docker', async () => {
    expect(await corral('exec', box, '--', 'sh', '-c', 'exit 7')).toEqual({ code: 7, stdout: '', stderr: '' });
    expect((await corral('exec', box, '--', 'printf', '%s|', '--', '--json')).stdout).toBe('--|--json|');
    expect(await corral('exec', box, '--', 'echo one | wc -l')).toMatchObject({ code: 127 });
  });

  test('its own options can stand behind the session, and a strange one there is refused', async () => {
    const { stdout } = await corral('exec', box, '--json', '-e', 'WORD=yes', 'echo "$WORD"');
    expect(JSON.parse(stdout)).toMatchObject({ exitCode: 0, stdout: 'yes\n' });
    await fails(['exec', box, '--jsn', 'ls'], 2, 'There is no option --jsn');
  });

  test('--timeout ends the command with 124', async () => {
    expect(await corral('exec', '--timeout', '1', box, 'sleep 60')).toMatchObject({ code: 124 });
  });

  test('--timeout ends a command that is still being started', async () => {
    expect(await corral('exec', '--timeout', '0.001', box, 'sleep 61')).toMatchObject({ code: 124 });
    expect((await corral('ps', box)).stdout).not.toContain('sleep 61');
  });
});

test('logs --process prints and follows the whole log of a background process, of any length', async () => {
  const cmd = 'seq 1 30000; until [ -e go ]; do sleep 0.1; done; echo the end';
  const headers = { authorization: `Bearer ${env.CORRAL_TOKEN}`, 'content-type': 'application/json' };
  const body = JSON.stringify({ cmd, background: true });
  await fetch(`${env.CORRAL_URL}/api/sessions/${box}/shell`, { method: 'POST', headers, body });
  const listed = linesOf(await corral('ps', '--json', box));
  const pid = String(listed.find((one) => one.cmd === cmd)?.pid);
  const whole = Array.from({ length: 30_000 }, (_, n) => `${n + 1}\n`).join('');
  const printed = async () => (await corral('logs', '--process', pid, box)).stdout === whole;
  await expect.poll(printed).toBe(true);
  const following = corral('logs', '-f', '--process', pid, box);
  await corral('exec', box, 'sleep 1; touch go');
  const { code, stdout } = await following;
  expect([code, stdout === `${whole}the end\n`]).toEqual([0, true]);
  expect((await corral('logs', '--process', '1', box)).stderr).toContain('corral ps');
});

test('attach without a terminal it says what to use', async () => {
  expect(await corral('attach', 'last')).toMatchObject({ code: 2, stderr: expect.stringContaining('corral exec') });
});

test('desktop says that a sandbox has none, and --add why it cannot have one', async () => {
  const id = JSON.parse((await corral('run', '--json', fence('sh', 'echo hi'))).stdout).session;
  const shown = JSON.parse((await corral('desktop', '--json', id)).stdout);
  expect(shown).toMatchObject({ state: 'unsupported', offer: { state: 'none' } });
  const expected = { stdout: 'none\n', stderr: expect.stringContaining('sandbox.desktop') };
  expect(await corral('desktop', id)).toMatchObject(expected);
  const refused = { code: 1, stderr: expect.stringContaining('VNC is not available') };
  expect(await corral('desktop', id, '--add')).toMatchObject(refused);
});

describe('sessions', () => {
  test('ls, show and logs tell of a session as JSON, and rm deletes it', async () => {
    const id = JSON.parse((await corral('run', '--json', fence('sh', 'echo hi'))).stdout).session;
    expect(linesOf(await corral('ls', '--json')).map(({ id }) => id)).toContain(id);
    const expected = { id, status: 'completed', sandbox: { state: 'running' } };
    expect(JSON.parse((await corral('show', '--json', id)).stdout)).toMatchObject(expected);
    const events = linesOf(await corral('logs', '--json', id));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, n) => n + 1));
    expect(await corral('rm', id)).toMatchObject({ code: 0, stdout: `${id}\n` });
    expect(await corral('show', id)).toMatchObject({ code: 5 });
  });

  test('logs -f continues until the session is deleted', async () => {
    const id = await newBox();
    const following = corral('logs', '-f', '--json', id);
    await corral('run', '--session', id, fence('sh', 'echo later'));
    await corral('rm', id);
    const { code, stdout } = await following;
    expect([code, stdout]).toEqual([0, expect.stringContaining('echo later')]);
  });
});

describe('failures', () => {
  test('have exit codes of their own', async () => {
    const none = await cli(['ls'], { env: { CORRAL_URL: 'http://127.0.0.1:9' } });
    const expected = { code: 3, stderr: expect.stringMatching(/No Corral server answers at http:\/\/127\.0\.0\.1:9/) };
    expect(none).toMatchObject(expected);
    const wrong = await cli(['ls'], { env: { ...env, CORRAL_TOKEN: 'wrong' } });
    expect(wrong).toMatchObject({ code: 4, stderr: expect.stringContaining('CORRAL_TOKEN') });
  });

  test.for<[args: string[], code: number, text: RegExp]>([
    [['show', 'ffffffffffffffff'], 5, /^corral: .*\n`corral ls` lists the sessions\.\n$/],
    [['lss'], 2, /Did you mean ls\?/],
    [['frobnicate'], 2, /^error: unknown command 'frobnicate'\n`corral help` lists the commands\.\n$/],
    [['show'], 2, /missing required argument 'session'\n`corral help show` shows how to use it\./],
    [['ls', '--bad'], 2, /unknown option '--bad'\n`corral help ls` shows how to use it\./],
    [['ls', '--url', 'http://127.0.0.1:9'], 3, /No Corral server answers at http:\/\/127\.0\.0\.1:9/],
    [['webhook', 'add', '--url', 'http://127.0.0.1:9'], 2, /./], // its own option, no server
  ])('say what to do next: %j', async ([args, code, text]) => {
    expect(await corral(...args)).toMatchObject({ code, stderr: expect.stringMatching(text) });
  });

  test('are JSON with --json', async () => {
    const { stderr } = await corral('show', '--json', 'ffffffffffffffff');
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'session_not_found' } });
  });
});

test('snapshot keeps the files of a session by a name, lists and deletes them', async () => {
  await fails(['snapshot', 'create', box, '--label', 'branch'], 2, 'write name=value');
  const { code, stdout } = await corral('snapshot', 'create', box, '--name', 'cache', '--label', 'branch=main');
  expect(code).toBe(0);
  const [line = ''] = (await corral('snapshot', '--json')).stdout.trim().split('\n');
  const kept = { id: stdout.trim(), name: 'cache', labels: { branch: 'main' }, sessionId: box };
  expect(JSON.parse(line)).toMatchObject(kept);
  const file = local('cache.tar');
  expect((await corral('snapshot', 'export', 'cache', file)).code).toBe(0);
  expect((await corral('snapshot', 'delete', 'cache')).code).toBe(0);
  const moved = await corral('snapshot', 'import', file, '--name', 'moved', '--json');
  expect(JSON.parse(moved.stdout)).toMatchObject({ name: 'moved', labels: { branch: 'main' } });
  await writeFile(file, (await readFile(file)).subarray(0, 4_000));
  const half = await corral('snapshot', 'import', file);
  expect([half.code, half.stderr]).toEqual([expect.any(Number), expect.stringContaining('ends too early')]);
  expect((await corral('snapshot', 'delete', 'moved')).code).toBe(0);
  expect((await corral('snapshot', 'ls', '--json')).stdout).toBe('');
  await fails(['snapshot', 'delete', 'cache'], 5, 'no such snapshot');
});

test('secret keeps values for sandboxes, tells where they go, and never shows one', async ({ server }) => {
  env = server.adminEnv;
  const value = 'a-value-of-this-test';
  const at = ['--host', 'api.weather.example', '--header', 'x-api-key', '--variable', 'WEATHER_KEY'];
  const made = await cli(['secret', 'set', 'weather', ...at, '--json'], { input: `${value}\n` });
  const expected = { name: 'weather', hosts: ['api.weather.example'], env: ['WEATHER_KEY'] };
  expect(JSON.parse(made.stdout)).toMatchObject(expected);
  const listed = await corral('secret');
  expect(listed.stdout).toMatch(/^weather +api\.weather\.example {2}x-api-key {2}WEATHER_KEY\n$/);
  for (const { stdout, stderr } of [made, listed]) expect(stdout + stderr).not.toContain(value);
  const ofSession = await cli(['secret', 'set', 'own', '--session', box, ...at], { input: value });
  expect([ofSession.code, (await corral('secret', 'ls', '--session', box)).stdout]).toEqual([0, ofSession.stdout]);
  const nowhere = await cli(['secret', 'set', 'weather'], { input: value });
  expect([nowhere.code, nowhere.stderr]).toEqual([2, expect.stringContaining('Set --host: hosts whose requests')]);
  const short = await cli(['secret', 'set', 'weather', ...at], { input: 'x' });
  expect([short.code, short.stderr]).toEqual([1, expect.stringMatching(/8/)]);
  expect((await corral('secret', 'delete', 'weather')).stdout).toBe('weather\n');
  expect((await corral('secret', 'rm', 'weather')).code).toBe(5);
});

test('box makes a session by its name, every command finds it by that, and the name can be changed and freed', async () => {
  const id = (await corral('box', 'ci-cache', '--idle', '60')).stdout.trim();
  expect((await corral('box', 'ci-cache')).stdout.trim()).toBe(id);
  const shown = JSON.parse((await corral('show', 'ci-cache', '--json')).stdout);
  expect(shown).toMatchObject({ id, name: 'ci-cache', sandbox: { idleSeconds: 60 } });
  expect((await corral('ls')).stdout).toContain('[ci-cache]');
  expect((await corral('box', 'ci-cache', '--rename', 'old')).code).toBe(0);
  expect((await corral('box', 'old', '--free')).stdout.trim()).toBe(id);
  await fails(['box', 'old', '--free'], 5, 'None of your sessions has this name');
  expect((await corral('box', 'Old')).stderr).toContain('must be a name such as build-cache');
  await corral('rm', id);
});

test('budget gives a person a limit, shows it, and takes it back', async ({ server }) => {
  env = server.adminEnv;
  const provided = await corral(
    'budget',
    'set',
    'person',
    '',
    '--tokens-per-day',
    '2000000',
    '--cost-per-month',
    'unlimited',
  );
  expect([provided.code, provided.stderr]).toEqual([0, '']);
  expect(provided.stdout).toMatch(/^person \(without a key\) +tokens\/day \d+ of 2000000/);
  const shown = await corral('budget', '--json');
  const of = expect.objectContaining({
    of: 'person',
    id: '',
    tokensPerDay: expect.objectContaining({ own: 2_000_000 }),
  });
  expect(linesOf(shown)).toContainEqual(of);
  const taken = await corral('budget', 'set', 'person', '', '--tokens-per-day', 'default', '--json');
  expect(JSON.parse(taken.stdout)).toMatchObject({ tokensPerDay: { own: null }, costPerMonth: { own: 'unlimited' } });
  await fails(['budget', 'set', 'person', 'nobody', '--tokens-per-day', '5'], 5, 'There is no such person.');
  await fails(['budget', 'set', 'person', '', '--cost-per-day', 'much'], 2, 'number, unlimited or default, not much');
});

test('memory writes a note, shows its history, undoes, redacts and removes it', async () => {
  const note = local('note.md');
  for (const text of ['one\n', 'two\n']) {
    await writeFile(note, text);
    expect((await corral('memory', 'edit', 'build/commands.md', '--file', note)).code).toBe(0);
  }
  const list = await corral('memory');
  expect(list.stdout).toMatch(/^build\/commands[.]md +v2 +4 bytes +\d{4}-\d\d-\d\d .* person \w+\n$/);
  expect((await corral('memory', 'show', 'build/commands.md')).stdout).toBe('two\n');
  expect((await corral('memory', 'show', 'build/commands.md', '1')).stdout).toBe('one\n');
  expect((await corral('memory', 'undo', 'build/commands.md', '--json')).stdout).toContain('"version":3');
  expect((await corral('memory', 'redact', 'build/commands.md', '2')).code).toBe(0);
  const history = await corral('memory', 'history', 'build/commands.md');
  const lines = history.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
  expect(lines.map(([number, , , what]) => [number, what])).toEqual([
    ['v3', '4 bytes'],
    ['v2', 'redacted'],
    ['v1', '4 bytes'],
  ]);
  expect((await corral('memory', 'rm', 'build/commands.md')).stdout).toContain('deleted');
  expect((await corral('memory')).stderr).toContain('There are no notes');
  await fails(['memory', 'show', 'build/commands.md'], 5, 'There is no note build/commands.md.');
  await fails(['memory', 'undo', 'build/commands.md', 'many'], 2, '<to> must be a number, not many');
  await fails(['memory', 'list', '--project', 'nothing'], 2, 'no project nothing');
});

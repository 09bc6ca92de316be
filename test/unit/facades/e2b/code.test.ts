import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { CodeCell, CodeContexts, SandboxHandle } from '../../../../src/sessions/api/sandbox-interior.ts';
import { e2bFacade } from '../../../support/clients/e2b-facade.ts';

// The routes of the code interpreter over scripted kernels. test/job/e2b has them over real ones.
type Execute = (id: string, cell: CodeCell, signal: AbortSignal) => Promise<unknown>;
const whole = { ended: 'whole', error: undefined, exitCode: undefined } as const;
let execute: Execute;
const made: object[] = [];
const code = {
  list: () => [
    { id: 'python', language: 'python' },
    { id: 'javascript', language: 'javascript' },
    { id: 'own', language: 'python', cwd: '/tmp' },
  ],
  create(context: Parameters<CodeContexts['create']>[0]) {
    made.push(context);
    return context;
  },
  execute: (...of: Parameters<Execute>) => execute(...of),
  restart: async (id: string) => void (id === 'own' || (await none())),
  remove: async (id: string) => void (id === 'own' || (await none())),
} as unknown as CodeContexts;
const none = () => Promise.reject(new AppError('not_found', 'There is no such context.'));
const paths = {
  async stat(path: string) {
    if (!['/home/user', '/tmp'].includes(path)) throw new AppError('file_not_found', 'none');
    return { type: 'directory' };
  },
} as unknown as SandboxHandle['paths'];

const it = await e2bFacade({ inside: { code, paths } });
const box = await it.create({ envVars: { OF_CREATE: 'x' } });
beforeEach(() => {
  execute = async () => whole;
});
afterAll(() => it[Symbol.asyncDispose]());
const ask = (path: string, body?: object, method = body ? 'POST' : 'GET') =>
  it.port(box.sid, 49_999, path, {
    method,
    headers: { 'x-access-token': box.access },
    ...(body && { body: JSON.stringify(body) }),
  });
const lines = async (body: object) =>
  (await ask('/execute', body)).text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as object);

test('contexts are listed with the folder that they work in', async () =>
  expect((await ask('/contexts')).body).toEqual([
    { id: 'python', language: 'python', cwd: '/home/user' },
    { id: 'javascript', language: 'javascript', cwd: '/home/user' },
    { id: 'own', language: 'python', cwd: '/tmp' },
  ]));
test.each([
  [{}, 'python', '/home/user'],
  [{ language: null, cwd: null }, 'python', '/home/user'],
  [{ language: 'JavaScript', cwd: '/tmp' }, 'javascript', '/tmp'],
  [{ language: 'js' }, 'javascript', '/home/user'],
  [{ language: 'ts' }, 'typescript', '/home/user'],
  [{ language: 'Bash' }, 'bash', '/home/user'],
])('a context for %j is one of %s in %s', async (body, language, cwd) => {
  const { status, body: answer } = await ask('/contexts', body);
  expect([status, answer]).toEqual([200, { id: expect.any(String), language, cwd }]);
  expect(made.at(-1)).toMatchObject({ language, cwd });
});
test('a context that was restarted or removed answers null', async () => {
  for (const answer of [await ask('/contexts/own/restart', {}), await ask('/contexts/own', undefined, 'DELETE')])
    expect([answer.status, answer.text]).toEqual([200, 'null']);
});
test.each(['{', '[]', '{"code":1}', ''])('an execution of %j is 400', async (body) => {
  const headers = { 'x-access-token': box.access };
  expect((await it.port(box.sid, 49_999, '/execute', { method: 'POST', body, headers })).status).toBe(400);
});

test.each(['r', 'java', 'constructor'])(
  'a language without a kernel is 500 and says which have one: %s',
  async (language) => {
    const { status, text } = await ask('/execute', { code: '1', language });
    expect([status, text]).toEqual([500, expect.stringContaining('python, javascript, typescript, bash')]);
  },
);

test('a language leads to its own context, and an id to its context', async () => {
  const requests: string[] = [];
  execute = async (id) => {
    requests.push(id);
    return whole;
  };
  const named = [
    {},
    { language: 'JS' },
    { language: 'bash' },
    { context_id: 'own' },
    { context_id: null, language: null },
  ];
  for (const body of named) await lines({ code: '1', ...body });
  expect(requests).toEqual(['python', 'javascript', 'bash', 'own', 'python']);
  expect(made).toContainEqual({ id: 'bash', language: 'bash' }); // it comes with its first use
});
test('a cell begins in the home, with the variables of the sandbox, and then those of the execution', async () => {
  let started: Partial<CodeCell> = {};
  execute = async (_id, cell) => {
    started = cell;
    return whole;
  };
  await lines({ code: '1', env_vars: { OWN: 'y', E2B_TEMPLATE_ID: 'z' } });
  const sandbox = { OF_CREATE: 'x', E2B_SANDBOX: 'true', E2B_SANDBOX_ID: box.sid, HOME: '/home/user' };
  expect(started.env).toEqual({ ...sandbox, OWN: 'y', E2B_TEMPLATE_ID: 'z' });
  expect(started.folder).toBe('/home/user');
});
test('an execution is sent in lines, in its order', async () => {
  execute = async (_id, { listener }) => {
    listener.onStart?.(3);
    listener.onText('stdout', 'a');
    listener.onText('stderr', 'b');
    listener.onResult({ isMain: true, data: { 'text/plain': '1' } });
    return whole;
  };
  const timestamp = expect.any(String);
  expect(await lines({ code: '1' })).toEqual([
    { type: 'number_of_executions', execution_count: 3 },
    { type: 'stdout', text: 'a', timestamp },
    { type: 'stderr', text: 'b', timestamp },
    { type: 'result', is_main_result: true, text: '1' },
    { type: 'end_of_execution' },
  ]);
});
const error = { name: 'ValueError', value: 'no', traceback: 'Traceback …' };
const died = { name: 'KernelDied', value: expect.stringContaining('exit code 3'), traceback: '' };
test.each([
  ['raises an error', { ...whole, error }, error],
  ['ends its kernel', { ended: 'died', error: undefined, exitCode: 3 }, died],
])('after an execution that %s comes nothing but the end', async (_, outcome, shown) => {
  execute = async () => outcome;
  expect(await lines({ code: '1' })).toEqual([{ type: 'error', ...shown }, { type: 'end_of_execution' }]);
});
test('a kernel that does not start is 500, in plain text', async () => {
  execute = async () => Promise.reject(new AppError('file_not_found', 'There is no python3.'));
  const answer = await ask('/execute', { code: '1' });
  expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([
    ...[500, 'There is no python3.', 'text/plain; charset=utf-8'],
  ]);
});
test('a client that leaves interrupts its execution', async () => {
  const interrupted = Promise.withResolvers<void>();
  execute = async (_id, { listener }, signal) => {
    listener.onStart?.(1);
    await new Promise<void>((done) => signal.addEventListener('abort', () => done(), { once: true }));
    interrupted.resolve();
    return { ...whole, ended: 'cancelled' };
  };
  const stop = new AbortController();
  const headers = { 'e2b-sandbox-id': box.sid, 'e2b-sandbox-port': '49999', 'x-access-token': box.access };
  const body = JSON.stringify({ code: 'while True: pass' });
  await fetch(`${it.server.url}/execute`, { method: 'POST', body, headers, signal: stop.signal });
  stop.abort();
  await interrupted.promise;
});
test('five silent seconds are reported, again and again', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  execute = async (_id, { listener }) => {
    listener.onStart?.(1);
    vi.advanceTimersByTime(10_000);
    return whole;
  };
  const reported = await lines({ code: '1' }).finally(() => vi.useRealTimers());
  const keepalive = { type: 'keepalive' };
  expect(reported.slice(1)).toEqual([keepalive, keepalive, { type: 'end_of_execution' }]);
});

import { expect, test } from 'vitest';
import { read, type WireClient } from '../../support/clients/e2b-wire.ts';

const linesOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { type: string; text?: string; name?: string });

/** The code interpreter. */
export function codeRows(it: WireClient): void {
  const ask = (path: string, body?: object, method = body ? 'POST' : 'GET') =>
    it.agent(path, {
      method,
      headers: { 'e2b-sandbox-port': '49999', 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  test('the interpreter says that it is there, and lists the contexts of both languages', async () => {
    expect(await (await ask('/health')).json()).toBe('OK');
    expect(await (await ask('/contexts')).json()).toMatchObject([{ language: 'python' }, { language: 'javascript' }]);
  });
  test.each([
    ['/execute', { code: '1', context_id: 'x', language: 'python' }, 400],
    ['/execute', { code: '1', context_id: 'none' }, 404],
    ['/execute', { code: '1', language: 'r' }, 500],
    ['/contexts', { cwd: '/none' }, 500],
    ['/contexts', { language: 'cobol' }, 500],
    ['/contexts/none/restart', {}, 404],
    ['/other', {}, 404],
  ])('POST %s of %j is %i, in plain text', async (path, body, status) => {
    const answer = await ask(path, body);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([status, 'text/plain; charset=utf-8']);
  });
  test('a context that is not there cannot be removed', async () => {
    expect((await ask('/contexts/none', undefined, 'DELETE')).status).toBe(404);
  });
  test('an execution is lines of JSON, from its number to its end', async () => {
    const text = await (await ask('/execute', { code: "import sys\nsys.stderr.write('e')\nprint('o')\n'v'" })).text();
    const lines = linesOf(text);
    expect(lines[0]).toMatchObject({ type: 'number_of_executions', execution_count: 1 });
    expect(lines.at(-1)).toEqual({ type: 'end_of_execution' });
    expect(lines).toContainEqual({ type: 'stdout', text: 'o\n', timestamp: expect.any(String) });
    expect(lines).toContainEqual({ type: 'result', is_main_result: true, text: 'v' });
  });
  kernelRows(ask, it);
}

/** A context of its own, variables of one execution, and a client that leaves. */
function kernelRows(ask: (path: string, body?: object, method?: string) => Promise<Response>, it: WireClient): void {
  const run = async (body: object) => linesOf(await (await ask('/execute', body)).text());
  const text = async (body: object) => (await run(body)).find(({ type }) => type === 'result')?.text;
  const error = async (body: object) => (await run(body)).find(({ type }) => type === 'error')?.name;

  test('a context keeps its variables until it is restarted, and is gone once it is removed', async () => {
    const { id } = await read<{ id: string }>(ask('/contexts', { cwd: '/tmp' }));
    await run({ context_id: id, code: 'x = 5' });
    expect(await text({ context_id: id, code: 'import os; (x, os.getcwd())' })).toBe("(5, '/tmp')");
    expect(await error({ code: 'x' })).toBe('NameError');
    expect(await read(ask(`/contexts/${id}/restart`, {}))).toBeNull();
    expect(await error({ context_id: id, code: 'x' })).toBe('NameError');
    expect(await read(ask(`/contexts/${id}`, undefined, 'DELETE'))).toBeNull();
    expect((await ask('/execute', { context_id: id, code: '1' })).status).toBe(404);
  });
  test('variables of one execution are taken back after it', async () => {
    const code = 'import os; os.environ.get("OWN_OF_CELL")';
    expect(await text({ code, env_vars: { OWN_OF_CELL: 'v' } })).toBe('v');
    expect(await text({ code })).toBeUndefined();
  });
  test('a client that leaves interrupts its execution, and the next one finds the variables', async () => {
    await run({ code: 'kept = 7' });
    const stop = new AbortController();
    const left = await it.agent('/execute', {
      method: 'POST',
      body: JSON.stringify({ code: 'import time\ntime.sleep(600)' }),
      signal: stop.signal,
      headers: { 'e2b-sandbox-port': '49999', 'content-type': 'application/json' },
    });
    expect(left.status).toBe(200);
    stop.abort();
    expect(await text({ code: 'kept' })).toBe('7');
  });
}

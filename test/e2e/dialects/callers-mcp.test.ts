import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Said } from './caller-calls.ts';
import { type Asked, type CallerMatrix, callerMatrix } from './caller-matrix.ts';
import { type Caller, mcpRules } from './caller-rules.ts';

// Every tool and resource of the MCP endpoint.

let matrix: CallerMatrix;
beforeAll(async () => {
  matrix = await callerMatrix();
}, 60_000);
afterAll(() => matrix[Symbol.asyncDispose]());

const inputsOf: Record<string, object> = {
  run_command: { command: 'true' },
  read_file: { path: 'report.md' },
  write_file: { path: 'a.md', content: 'a' },
  run_task: { task: 'hi', wait_seconds: 0 },
  watch_session: { wait_seconds: 0 },
  decide_approval: { call_id: 'c', decision: 'approved' },
};
const addresses: Record<string, string> = {
  ...{ session: '', file: '/files/report.md', screen: '/screen' },
  screenshot: '/screenshots/00000000-0000-4000-8000-00000000eeee',
};
const ask = async (method: string, params: object, caller: Caller): Promise<Said> => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
  const init = { method: 'POST', headers: matrix.credentials(caller), body, signal: AbortSignal.timeout(10_000) };
  const response = await fetch(`${matrix.server.url}/mcp`, init);
  return { code: response.status, text: await response.text() };
};
const listed = async (method: string, field: string) => {
  const { text } = await ask(method, {}, 'admin');
  const found = JSON.parse(text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1));
  return (found.result[field] as { name: string }[]).map(({ name }) => name);
};

test('the table names every tool and resource, and each answers each caller as its rule says', {
  timeout: 120_000,
}, async () => {
  const resources = (await listed('resources/templates/list', 'resourceTemplates')).map((name) => `resource ${name}`);
  const names = [...(await listed('tools/list', 'tools')), ...resources];
  expect(Object.keys(mcpRules).sort()).toEqual(names.sort());
  const asked = Object.entries(mcpRules).map(
    ([name, rule]): Asked => ({
      ...{ name, rule, path: 'sid' },
      ask: (caller, to) => {
        const address = addresses[name.replace('resource ', '')];
        if (address !== undefined) {
          return ask('resources/read', { uri: `corral://sessions/${to.sid}${address}` }, caller);
        }
        const session = name === 'create_session' || name === 'list_sessions' ? {} : { session_id: to.sid };
        return ask('tools/call', { name, arguments: { ...session, ...inputsOf[name] } }, caller);
      },
    }),
  );
  expect(await matrix.mistakes(asked)).toEqual([]);
});

// @module-tag all
import { expect, onTestFinished, test, vi } from 'vitest';
import { auditCommand } from '../../../src/app/commands/audit.ts';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { AuditEntry } from '../../../src/observability/audit/row.ts';
import { api } from '../../support/clients/api.ts';
import { testServer } from '../../support/clients/http.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const token = 'a-token-for-the-audit-test';
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function started() {
  const rows: AuditEntry[] = [];
  const config = { token: new Secret(token) };
  const server = await testServer({ config, audit: (row) => void rows.push(row) });
  const ask = async (method: string, path: string, body?: object, key = token) =>
    (await server.call(method, path, body, bearer(key))).body;
  return { server, rows, ask };
}

test('an audit row names the key by its id and the address, and contains no part of the key', async () => {
  const { server, rows, ask } = await started();
  await using _ = server;
  const { key, view } = (await ask('POST', '/trpc/keys.create', { name: 'Ada', role: 'user' })).result.data;
  expect(rows).toEqual([
    {
      action: 'key.create',
      target: view.id,
      outcome: 'done',
      by: 'token',
      key: undefined,
      role: 'admin',
      address: '127.0.0.1',
      request: expect.stringMatching(/^[0-9a-f]{12}-1$/),
    },
  ]);
  await ask('PUT', '/api/v1/sessions', undefined, key);
  expect(rows[1]).toMatchObject({ by: 'key', key: view.id, role: 'user', address: '127.0.0.1' });
  await ask('POST', '/trpc/keys.revoke', { id: view.id });
  expect(rows[2]).toMatchObject({ action: 'key.revoke', target: view.id, by: 'token' });
  expect(JSON.stringify(rows)).not.toContain(key.slice(17));
  expect(JSON.stringify(rows)).not.toContain(token);
});

test('a refusal carries its request id, which also stands in its audit row and its access log line', async () => {
  const { server, rows } = await started();
  await using _ = server;
  const url = `${server.url}/api/v1/sessions/0123456789abcdef`;
  const answer = await fetch(url, { method: 'DELETE', headers: bearer(token) });
  const request = answer.headers.get('x-request-id');
  expect(rows).toMatchObject([{ action: 'session.delete', outcome: 'session_not_found', request }]);
  await vi.waitFor(() =>
    expect(server.lines.find(({ text }) => text === 'request')?.fields).toMatchObject({ request }),
  );
  const well = await fetch(`${server.url}/api/v1/sessions`, { headers: bearer(token) });
  expect(well.headers.has('x-request-id')).toBe(false);
});

test('F134 a wrong credential is audited with the address but without the credential', async () => {
  const { server, rows, ask } = await started();
  await using _ = server;
  await ask('GET', '/api/v1/sessions', undefined, 'a-guess');
  expect(rows).toEqual([{ action: 'auth.failed', outcome: 'unauthorized', by: 'nobody', address: '127.0.0.1' }]);
});

test("the audit commands list and verify the server's actions while it runs and after it stops", async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  vi.stubEnv('CORRAL_DATA_DIR', server.data);
  onTestFinished(() => void vi.unstubAllEnvs());
  const audit = async (...args: string[]) => {
    const printed: string[] = [];
    const print = (line: string) => void printed.push(line);
    expect(await auditCommand.run(args, { signal: neverAbortingSignal, print, say: print })).toBe(0);
    return printed;
  };
  await fetch(`${server.url}/api/v1/sessions`, { method: 'PUT' });
  expect(await audit('list', '--action', 'session')).toEqual([
    expect.stringMatching(/ {2}open {2}127\.0\.0\.1 {2}session\.create {2}[0-9a-f]{16} {2}done$/),
  ]);
  const [head = ''] = await audit('head');
  server.kill('SIGTERM');
  await server.exit;
  const [verdict, last] = await audit('verify', '--head', head);
  expect(verdict).toBe('4 rows in 1 files are unchanged.');
  expect(last).not.toBe(`head ${head}`);
  expect(server.output()).toContain(`"audit":"${last?.slice('head '.length)}"`);
});

test('F110 ten deletes at the same moment: one succeeds, and the others find no session', async () => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const client = api(server.url);
  const id = await client.create();
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.remove(id)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(9).fill(404)]);
});

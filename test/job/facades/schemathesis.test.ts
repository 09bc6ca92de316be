// @module-tag nightly
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../../support/clients/api.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

// Schemathesis is in the virtual environment of .ci/run, or in the PATH.
const candidates = [join(homedir(), '.cache/corral-ci/schemathesis/bin/schemathesis'), '/usr/local/bin/schemathesis'];
const program = candidates.find((path) => existsSync(path));

test('the document is valid by a public validator', async (context) => {
  const validator = program && join(program, '../openapi-spec-validator');
  context.skip(!validator || !existsSync(validator), 'openapi-spec-validator is not installed');
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  using folder = temporaryFolder();
  const file = join(folder.path, 'openapi.json');
  await writeFile(file, await (await fetch(`${server.url}/openapi.json`)).text());
  expect((await run(validator ?? '', [file])).stdout).toContain('OK');
});

// npm runs the generator without installing it. It only reads types, so it gets a compiler version that it supports.
const generator = ['--yes', '--package', 'openapi-typescript@7.13.0', '--package', 'typescript@5.9.3', '--'];

test('a client that openapi-typescript generates from the document compiles', async (context) => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  using folder = temporaryFolder();
  const exec = (...command: string[]) => run('npm', ['exec', ...generator, ...command], { cwd: folder.path });
  const isThere = await exec('openapi-typescript', '--version').then(
    () => true,
    () => false,
  );
  context.skip(!isThere, 'npm cannot fetch openapi-typescript');
  await writeFile(join(folder.path, 'openapi.json'), await (await fetch(`${server.url}/openapi.json`)).text());
  await exec('openapi-typescript', 'openapi.json', '-o', 'client.d.ts');
  const { stdout } = await exec('tsc', '--noEmit', '--strict', 'client.d.ts').catch(
    (thrown: { stdout: string }) => thrown,
  );
  expect(stdout).toBe('');
});

interface ApiOperation {
  readonly operationId: string;
  readonly requestBody?: { readonly content?: Record<string, { readonly example?: object }> };
  readonly responses: Record<string, { readonly links?: Record<string, Link> }>;
}
interface Link {
  readonly operationId: string;
  readonly parameters: Record<string, string>;
}
type Paths = Record<string, Record<string, ApiOperation>>;

/** Creates resources from the examples of the document alone, and returns the settings that use their ids. */
async function seeded(url: string, paths: Paths): Promise<string> {
  const ids = new Map<string, Set<unknown>>(); // by path and parameter
  const pathOf = (id: string) =>
    Object.keys(paths).find((path) => Object.values(paths[path] ?? {}).some(({ operationId }) => operationId === id));
  const makers = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, one]) => ({ path, method, ...one })),
  );
  for (const { path, method, requestBody, responses } of makers) {
    const links = Object.entries(responses).flatMap(([status, one]) =>
      status[0] === '2' ? Object.values(one.links ?? {}) : [],
    );
    if (!/^(post|put)$/.test(method) || path.includes('{') || links.length === 0) continue;
    const example = requestBody?.content?.['application/json']?.example ?? {};
    const many = path === '/api/v1/sessions' ? 250 : 15;
    for (let n = 0; n < many; n++) {
      const body = JSON.stringify('name' in example ? { ...example, name: `seed-${n}` } : example);
      const headers = { 'content-type': 'application/json' };
      const made = await fetch(`${url}${path}`, { method: method.toUpperCase(), headers, body });
      const answer: unknown = made.ok ? await made.json() : undefined;
      for (const { operationId, parameters } of links)
        for (const [name, pointer] of Object.entries(parameters)) {
          const parts = pointer.split('#/')[1]?.split('/') ?? [];
          const id = parts.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], answer);
          const key = `${pathOf(operationId)} ${name}`;
          if (id !== undefined) ids.set(key, (ids.get(key) ?? new Set()).add(id));
        }
    }
  }
  const lists = [...new Set([...ids.values()].map((values) => JSON.stringify([...values].map(String).sort())))];
  const uses = [...ids].map(([key, values]) => {
    const [path, name] = key.split(' ');
    const list = lists.indexOf(JSON.stringify([...values].map(String).sort()));
    return `[[operations]]\ninclude-path = "${path}"\n[operations.parameters]\n"path.${name}" = { dictionary = "d${list}", probability = 0.9 }\n`;
  });
  const checks = '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501]\n';
  return [checks, ...uses, ...lists.map((values, n) => `[dictionaries.d${n}]\nvalues = ${values}\n`)].join('\n');
}

test('every documented path answers within its schema and without a 5xx', async (context) => {
  context.skip(program === undefined, 'schemathesis is not installed');
  const settings = {
    CORRAL_DRIVER: 'memory',
    CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    CORRAL_MAX_SESSIONS: '5000',
    LOG_LEVEL: 'warn',
  };
  await using server = await serverProcess(settings);
  const { paths } = (await (await fetch(`${server.url}/openapi.json`)).json()) as { paths: Paths };
  using folder = temporaryFolder();
  await writeFile(join(folder.path, 'settings.toml'), await seeded(server.url, paths));
  const checks = 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';
  const args = [
    ...['--config-file', join(folder.path, 'settings.toml')],
    'run',
    `${server.url}/openapi.json`,
    '--max-examples',
    '20',
    '--workers',
    '2',
    '--checks',
    checks,
    '--seed',
    '1',
    '--no-color',
  ];
  const { stdout, code } = await run(program ?? '', args, { maxBuffer: 1 << 26 }).then(
    ({ stdout: text }) => ({ stdout: text, code: 0 }),
    (error: { stdout?: string; code?: number }) => ({ stdout: error.stdout ?? String(error), code: error.code ?? 1 }),
  );
  expect(code, stdout.slice(-8_000)).toBe(0);
  expect(stdout).toMatch(/Tested: \d{2,}/);
  const withIds = Object.keys(paths).flatMap((path) => (path.includes('{') ? Object.keys(paths[path] ?? {}) : []));
  const [, unreached = '0'] = /Missing test data: (\d+) operations?/.exec(stdout) ?? [];
  expect(Number(unreached), stdout.slice(-4_000)).toBeLessThan(withIds.length / 4); // three of four do not end in 404
});

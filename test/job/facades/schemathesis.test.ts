// @module-tag nightly
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../support/clients/api.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

// Schemathesis is in the virtual environment of .ci/run, or in the PATH.
const candidates = [join(homedir(), '.cache/corral-ci/schemathesis/bin/schemathesis'), '/usr/local/bin/schemathesis'];
const program = candidates.find((path) => existsSync(path));

test('the document is valid by a public validator', async (context) => {
  const validator = program && join(program, '../openapi-spec-validator');
  context.skip(!validator || !existsSync(validator), 'openapi-spec-validator is not installed');
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const folder = await mkdtemp(join(tmpdir(), 'corral-openapi-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'openapi.json');
  await writeFile(file, await (await fetch(`${server.url}/openapi.json`)).text());
  expect((await run(validator ?? '', [file])).stdout).toContain('OK');
});

// npm runs the generator without installing it. It reads types alone, so their compiler is one that it supports.
const generator = ['--yes', '--package', 'openapi-typescript@7.13.0', '--package', 'typescript@5.9.3', '--'];

test('a client that openapi-typescript generates from the document compiles', async (context) => {
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const folder = await mkdtemp(join(tmpdir(), 'corral-client-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const exec = (...command: string[]) => run('npm', ['exec', ...generator, ...command], { cwd: folder });
  const isThere = await exec('openapi-typescript', '--version').then(
    () => true,
    () => false,
  );
  context.skip(!isThere, 'npm cannot fetch openapi-typescript');
  await writeFile(join(folder, 'openapi.json'), await (await fetch(`${server.url}/openapi.json`)).text());
  await exec('openapi-typescript', 'openapi.json', '-o', 'client.d.ts');
  const { stdout } = await exec('tsc', '--noEmit', '--strict', 'client.d.ts').catch(
    (thrown: { stdout: string }) => thrown,
  );
  expect(stdout).toBe('');
});

test('every documented path answers within its schema and without a 5xx', async (context) => {
  context.skip(program === undefined, 'schemathesis is not installed');
  const settings = {
    CORRAL_DRIVER: 'memory',
    CORRAL_RATE_LIMIT_PER_MINUTE: '0',
    CORRAL_MAX_SESSIONS: '5000',
    LOG_LEVEL: 'warn',
  };
  await using server = await serverProcess(settings);
  const checks = 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance';
  const args = [
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
});

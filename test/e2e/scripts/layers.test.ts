import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '../../..');
let root = '';

// A miniature project in which every import points in an allowed direction.
const rightWay = {
  'tsconfig.json':
    '{"compilerOptions":{"module":"nodenext","target":"esnext","allowImportingTsExtensions":true,"noEmit":true}}',
  'package.json': '{"type":"module","dependencies":{"pino":"*","xstate":"*","zod":"*"}}',
  'src/core/ids.ts': 'export const id = 1; export interface Id { n: number }',
  'src/sandbox/client.ts': "export type { Id } from '../core/ids.ts'; export const dial = 1;",
  'src/tools/shell.ts': "import type { Id } from '../sandbox/client.ts'; export const shell = (id: Id) => id;",
  'drivers/driver.ts':
    "import { id } from '../src/core/ids.ts'; export interface Driver { n: number } export const driver = id;",
  'drivers/shared/socket.ts': 'export const socket = 1;',
  'drivers/docker/docker.ts':
    "import { socket } from '../shared/socket.ts'; import { driver } from '../driver.ts'; export const d = [socket, driver];",
  'drivers/process/process.ts': 'export const p = 1;',
  'machines/run.ts':
    "import type { Driver } from '../drivers/driver.ts'; export const run = (driver: Driver) => driver;",
  'src/observability/logger.ts': 'export const logger = 1;',
  'src/session/api/sessions.ts':
    "import { run } from '../../../machines/run.ts'; import { logger } from '../../observability/logger.ts'; export const s = [run, logger];",
  'src/facades/shared/errors.ts': 'export const errors = 1;',
  'src/facades/trpc/router.ts': 'export const router = 1;',
  'src/facades/sheikhbox/routes.ts':
    "import { s } from '../../session/api/sessions.ts'; import { errors } from '../shared/errors.ts'; export const r = [s, errors];",
};
const write = (file: string, text: string) => {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
};
function check(atLeast = 10) {
  const script = join(repository, 'scripts/check-layers.ts');
  const { status, stderr } = spawnSync(process.execPath, [script, String(atLeast), root], {
    cwd: root,
    encoding: 'utf8',
  });
  return { status, stderr };
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'corral-layers-'));
  for (const [file, text] of Object.entries(rightWay)) write(file, text);
  symlinkSync(join(repository, 'node_modules'), join(root, 'node_modules'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('the layer rules', { timeout: 30_000 }, () => {
  test('a tree whose imports all follow the rules passes', () => {
    expect(check()).toEqual({ status: 0, stderr: '' });
  });

  test('each import against the rules fails and is named', () => {
    const wrong: [file: string, imports: string, why: string][] = [
      ['src/core/wrong.ts', '../observability/logger.ts', 'layer ^src/core/'],
      ['src/tools/wrong.ts', '../session/api/sessions.ts', 'layer ^src/tools/'],
      ['src/tools/runs.ts', '../sandbox/client.ts', 'types only ^src/tools/'],
      ['src/sandbox/wrong.ts', '../tools/shell.ts', 'layer ^src/(store'],
      ['drivers/docker/wrong.ts', '../process/process.ts', 'layer ^drivers/(?!memory/)([^/]+)/'],
      ['drivers/docker/up.ts', '../../src/session/api/sessions.ts', 'layer ^drivers/(?!memory/)([^/]+)/'],
      ['machines/runs.ts', '../drivers/driver.ts', 'types only ^machines/'],
      ['machines/wrong.ts', '../drivers/docker/docker.ts', 'layer ^machines/'],
      ['src/session/wrong.ts', '../facades/trpc/router.ts', 'layer ^src/session/'],
      ['src/session/flat.ts', './api/sessions.ts', 'every file of the session layer is in a room'],
      ['src/session/engine/wrong.ts', '../api/sessions.ts', 'room engine'],
      ['src/session/run/log/wrong.ts', '../../api/sessions.ts', 'room run/log'],
      ['src/session/run/corner/own.ts', '../../api/sessions.ts', 'every file of the session layer is in a room'],
      ['src/facades/sheikhbox/wrong.ts', '../trpc/router.ts', 'layer ^src/facades/'],
      ['src/facades/sheikhbox/down.ts', '../../../machines/run.ts', 'layer ^src/facades/'],
      ['sandbox-images/sandboxd/dial.ts', '../../src/sandbox/client.ts', 'types only ^sandbox-images/'],
      ['sandbox-images/sandboxd/npm.ts', 'zod', 'sandboxd-only-itself'],
      ['src/session/vendor.ts', 'pino', 'vendor pino'],
    ];
    for (const [file, imports] of wrong) write(file, `import * as it from '${imports}'; export const all = it;`);
    const { status, stderr } = check();
    expect(status).toBe(1);
    for (const [file, , why] of wrong) {
      const said = stderr.split('\n').find((line) => line.includes(`: ${file} -> `) && line.startsWith(why));
      expect(said, `${file} should break "${why}"\n${stderr}`).toBeDefined();
    }
    expect(stderr).not.toMatch(/: (drivers\/driver|machines\/run|src\/tools\/shell)\.ts ->/);
  });

  test('a circular import fails', () => {
    write('src/llm/a.ts', "import { b } from './b.ts'; export const a = () => b;");
    write('src/llm/b.ts', "import { a } from './a.ts'; export const b = () => a;");
    expect(check()).toMatchObject({ status: 1, stderr: expect.stringContaining('no-cycles') });
  });

  test('a check that found too few modules fails', () => {
    expect(check(1000)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/cruised \d+ modules, expected at least 1000/),
    });
  });
});

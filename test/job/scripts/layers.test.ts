// @module-tag all
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
  'src/core/model/ids.ts': 'export const id = 1; export interface Id { n: number }',
  'src/sandboxes/client/client.ts': "export type { Id } from '../../core/model/ids.ts'; export const dial = 1;",
  'src/agents/tools/shell.ts':
    "import type { Id } from '../../sandboxes/client/client.ts'; export const shell = (id: Id) => id;",
  'drivers/driver.ts':
    "import { id } from '../src/core/model/ids.ts'; export interface Driver { n: number } export const driver = id;",
  'drivers/shared/socket.ts': 'export const socket = 1;',
  'drivers/docker/docker.ts':
    "import { socket } from '../shared/socket.ts'; import { driver } from '../driver.ts'; export const d = [socket, driver];",
  'drivers/process/process.ts': 'export const p = 1;',
  'machines/run.ts':
    "import type { Driver } from '../drivers/driver.ts'; export const run = (driver: Driver) => driver;",
  'src/observability/logger.ts': 'export const logger = 1;',
  'src/sessions/api/sessions.ts':
    "import { run } from '../../../machines/run.ts'; import { logger } from '../../observability/logger.ts'; export const s = [run, logger];",
  'src/http/errors/errors.ts': 'export const errors = 1;',
  'src/api/router.ts': 'export const router = 1;',
  'src/facades/trpc/http.ts': "import { router } from '../../api/router.ts'; export const http = router;",
  'scripts/script.ts': 'export const script = 1;',
  'src/facades/compat/sheikhbox/routes.ts':
    "import { s } from '../../../sessions/api/sessions.ts'; import { errors } from '../../../http/errors/errors.ts'; export const r = [s, errors];",
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

describe('the layer rules', () => {
  test('a tree whose imports all follow the rules passes', () => expect(check()).toEqual({ status: 0, stderr: '' }));

  test('each import against the rules fails and is named', () => {
    const wrong: [file: string, imports: string, why: string][] = [
      ['src/core/wrong.ts', '../observability/logger.ts', 'layer ^src/core/'],
      ['src/agents/tools/wrong.ts', '../../sessions/api/sessions.ts', 'layer ^src/agents/tools/'],
      ['src/agents/tools/runs.ts', '../../sandboxes/client/client.ts', 'types only ^src/agents/tools/'],
      ['src/sandboxes/client/wrong.ts', '../../agents/tools/shell.ts', 'layer ^src/sandboxes/'],
      ['drivers/docker/wrong.ts', '../process/process.ts', 'layer ^drivers/([^/]+)/'],
      ['drivers/docker/up.ts', '../../src/sessions/api/sessions.ts', 'layer ^drivers/([^/]+)/'],
      ['machines/runs.ts', '../drivers/driver.ts', 'types only ^machines/'],
      ['machines/wrong.ts', '../drivers/docker/docker.ts', 'layer ^machines/'],
      ['src/sessions/wrong.ts', '../api/router.ts', 'layer ^src/sessions/'],
      ['src/sessions/flat.ts', './api/sessions.ts', 'every file of the session layer is in a room'],
      ['src/sessions/engine/wrong.ts', '../api/sessions.ts', 'room engine'],
      ['src/sessions/run/log/wrong.ts', '../../api/sessions.ts', 'room run/log'],
      ['src/sessions/run/corner/own.ts', '../../api/sessions.ts', 'every file of the session layer is in a room'],
      ['src/facades/compat/sheikhbox/wrong.ts', '../../trpc/http.ts', 'layer ^src/facades/compat/'],
      ['src/facades/compat/sheikhbox/down.ts', '../../../../machines/run.ts', 'layer ^src/facades/compat/'],
      ['sandbox-images/sandboxd/dial.ts', '../../src/sandboxes/client/client.ts', 'types only ^sandbox-images/'],
      ['sandbox-images/sandboxd/npm.ts', 'zod', 'sandboxd-only-itself'],
      ['src/config/wrong.ts', '../api/router.ts', 'layer ^src/config/'],
      ['src/http/wrong.ts', '../api/router.ts', 'layer ^src/http/'],
      ['src/auth/wrong.ts', '../http/errors/errors.ts', 'layer ^src/auth/'],
      ['src/storage/wrong.ts', '../sessions/api/sessions.ts', 'layer ^src/(storage'],
      ['src/observability/wrong.ts', '../sessions/api/sessions.ts', 'layer ^src/(storage'],
      ['src/cli/wrong.ts', '../sessions/api/sessions.ts', 'layer ^src/cli/'],
      ['src/client/wrong.ts', '../sessions/api/sessions.ts', 'layer ^src/client/'],
      ['src/web/wrong.ts', '../sessions/api/sessions.ts', 'layer ^src/web/'],
      ['src/app/wrong.ts', '../../scripts/script.ts', 'product-only'],
      ['src/sessions/vendor.ts', 'pino', 'vendor pino'],
    ];
    for (const [file, imports] of wrong) write(file, `import * as it from '${imports}'; export const all = it;`);
    const { status, stderr } = check();
    expect(status).toBe(1);
    for (const [file, , why] of wrong) {
      const reply = stderr.split('\n').find((line) => line.includes(`: ${file} -> `) && line.startsWith(why));
      expect(reply, `${file} should break "${why}"\n${stderr}`).toBeDefined();
    }
    const ofLayers = stderr.replaceAll(/^wings both ways: .*$/gm, '');
    expect(ofLayers).not.toMatch(/: (drivers\/driver|machines\/run|src\/agents\/tools\/shell)\.ts ->/);
  });

  test('a circular import fails', () => {
    write('src/agents/models/a.ts', "import { b } from './b.ts'; export const a = () => b;");
    write('src/agents/models/b.ts', "import { a } from './a.ts'; export const b = () => a;");
    expect(check()).toMatchObject({ status: 1, stderr: expect.stringContaining('no-cycles') });
  });

  test('a circle of imports between files of tests, bench or scripts fails, by types too, and is named', () => {
    write('test/unit/a.ts', "import type { B } from './b.ts'; export interface A { b: B }");
    write('test/unit/b.ts', "import { c } from '../support/c.ts'; export type B = typeof c;");
    write('test/support/c.ts', "export { c } from './d.ts';");
    write('test/support/d.ts', 'export const c = 1;');
    expect(check()).toEqual({ status: 0, stderr: '' });
    write('test/support/d.ts', "import type { A } from '../unit/a.ts'; export const c = (a: A) => a;");
    const { status, stderr } = check();
    expect(status).toBe(1);
    expect(stderr).toContain(
      'circle: test/unit/a.ts -> test/unit/b.ts -> test/support/c.ts -> test/support/d.ts -> test/unit/a.ts',
    );
  });
});

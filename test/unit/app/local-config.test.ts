import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configText } from '../../../src/app/commands/local-config.ts';

test('CORRAL_CONFIG names another file of settings', () => {
  const file = join(mkdtempSync(join(tmpdir(), 'corral-config-')), 'other.yaml');
  writeFileSync(file, 'port: 1234');
  expect(configText(file)).toBe('port: 1234');
});

test('a named file that is not there is refused by its path', () =>
  expect(() => configText('/nowhere/other.yaml')).toThrow(/CORRAL_CONFIG names \/nowhere\/other.yaml/));

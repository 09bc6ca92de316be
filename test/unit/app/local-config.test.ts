import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { configText } from '../../../src/app/commands/local-config.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

test('CORRAL_CONFIG names another file of settings', () => {
  using folder = temporaryFolder();
  const file = join(folder.path, 'other.yaml');
  writeFileSync(file, 'port: 1234');
  expect(configText(file)).toBe('port: 1234');
});

test('a named file that is not there is refused by its path', () =>
  expect(() => configText('/nowhere/other.yaml')).toThrow(/CORRAL_CONFIG is \/nowhere\/other.yaml/));

import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { settings } from '../../src/app/settings/schema.ts';

const files = globSync('{src,drivers}/**/*.ts');
const lines = files.flatMap((file) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*|import )/.test(line))
    .map((line) => ({ file, line })),
);
const variables = new Set(settings.flatMap(({ variables }) => variables));
/** Variables that no setting has: for clients and tools around the server, and what the server tells a daemon. */
const besides = /^CORRAL_(CONFIG|URL|RUN_DIR|DESKTOP|POD_UID|UNCONFINED|FAILPOINTS)$/;

const unknown = (pattern: RegExp, known: (name: string) => boolean) =>
  lines.flatMap(({ file, line }) =>
    [...line.matchAll(pattern)].flatMap(([, name = '']) => (known(name) ? [] : [`${file}: ${name}`])),
  );

test('every CORRAL_ variable in the text of a message is a setting', () => {
  expect(variables.size).toBeGreaterThan(50);
  // A message continues around the name; a variable that stands alone in quotes is read or set, not named.
  const named = /(?<!['"`{])\b(CORRAL_[A-Z0-9_]*[A-Z0-9])\b(?!['"`:])/g;
  expect(unknown(named, (name) => variables.has(name.replace(/_FILE$/, '')) || besides.test(name))).toEqual([]);
});

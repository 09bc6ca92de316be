import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const repository = resolve(import.meta.dirname, '../../..');
const session = join(repository, 'src/sessions');
const filesIn = (folder: string) => readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
const folders = readdirSync(session, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => join(entry.parentPath, entry.name));
const rooms = folders
  .filter((folder) => filesIn(folder).some(({ name }) => name.endsWith('.ts'))) // other folders hold texts of a room
  .map((folder) => relative(session, folder))
  .sort();

test('a room of src/sessions has at most 20 files, and none is outside the rooms', () => {
  expect(filesIn(session)).toEqual([]);
  expect(rooms.length).toBeGreaterThanOrEqual(10);
  expect(rooms.filter((room) => filesIn(join(session, room)).length > 20)).toEqual([]);
});

test('docs/architecture.md lists every room', () => {
  const text = readFileSync(join(repository, 'docs/architecture.md'), 'utf8');
  expect([...text.matchAll(/^- `src\/sessions\/([\w/-]+)`:/gm)].map(([, room]) => room).sort()).toEqual(rooms);
});

test('the layers check has a rule for every room', () => {
  const { forbidden } = createRequire(import.meta.url)('../../../.dependency-cruiser.cjs') as {
    readonly forbidden: readonly { readonly name: string }[];
  };
  expect(forbidden.flatMap(({ name }) => name.match(/^room (.+)$/)?.[1] ?? []).sort()).toEqual(rooms);
});

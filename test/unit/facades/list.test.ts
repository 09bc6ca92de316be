import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { facadeDescriptors } from '../../../src/facades/list.ts';

const page = readFileSync('docs/facades.md', 'utf8');
const tableRows = page.match(/^\| .*$/gm)?.slice(2) ?? [];

test("the table in docs/facades.md has each facade's row, and no other", () => {
  const expected = Object.values(facadeDescriptors).map(({ label, audience, paths, documents }) => {
    const cells = [label, audience, paths.map((path) => `\`${path}\``).join(', '), documents];
    return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
  });
  expect([...tableRows].sort()).toEqual(expected.sort());
});

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { facadeDescriptors } from '../../../src/facades/list.ts';

const readme = readFileSync('README.md', 'utf8');
const tableRows =
  (readme.split('\n## Facades\n')[1] ?? '')
    .split('\n## ')[0]
    ?.match(/^\| .*$/gm)
    ?.slice(2) ?? [];

test("the table of facades in README.md has each facade's row, and no other", () => {
  const wanted = Object.values(facadeDescriptors).map(({ label, audience, paths, documents }) => {
    const cells = [label, audience, paths.map((path) => `\`${path}\``).join(', '), documents];
    return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
  });
  expect([...tableRows].sort()).toEqual(wanted.sort());
});

// Everything that the documents name must exist: links, scripts, commands and variables.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { renderRequestedHelp } from '../../src/app/commands/list.ts';
import { settings } from '../../src/app/settings/schema.ts';
import { allCliCommands } from '../../src/cli/program.ts';
import { facadeDescriptors } from '../../src/facades/list.ts';

const inFolder = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
const folders = ['docs', 'examples', 'clients'].flatMap(inFolder);
const texts = [...readdirSync('.'), ...folders].filter((name) => /[.]md$/.test(name));
const documents = [...texts, 'corral.example.yaml', 'docker-compose.yaml'];
const textOf = (file: string) => readFileSync(file, 'utf8');

/** A heading's anchor, as sites that render Markdown make it. */
const anchorsIn = (file: string) =>
  [...textOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

/** Paths in backquotes, such as `src/core/model/ids.ts`, `drivers` or `docker-compose.yaml`. */
const pathsIn = (file: string) =>
  [...textOf(file).matchAll(/`([\w./-]+)`/g)]
    .map(([, name = '']) => name)
    .filter((name) => /^[.]?[\w-]+\//.test(name) || /\w[.](ts|js|mjs|cjs|ya?ml|md)$/.test(name));

test.each(['docs/development.md', 'docs/architecture.md'])('%s names only paths that exist', (file) => {
  const paths = pathsIn(file);
  const others = ['corral/client']; // a package's name, not a path
  const missing = paths.filter((path) => !others.includes(path) && ![path, join('drivers', path)].some(existsSync));
  expect(paths.length).toBeGreaterThan(15);
  expect(missing).toEqual([]);
});

describe.each(documents)('%s', (file) => {
  test('links to files and headings that are there', () => {
    const links = [...textOf(file).matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)].map(([, path = '', anchor]) => ({
      path: path === '' ? file : join(dirname(file), path),
      anchor,
    }));
    expect(links.filter(({ path }) => !existsSync(path))).toEqual([]);
    expect(links.filter(({ path, anchor }) => anchor && !anchorsIn(path).includes(anchor))).toEqual([]);
  });

  test('names scripts of package.json', () => {
    const named = [...textOf(file).matchAll(/npm run ([a-z][a-z:]*)/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !(name in packageJson.scripts))).toEqual([]);
  });

  test('names commands that there are', async () => {
    const named = [...textOf(file).matchAll(/[.]\/corral ([a-z][a-z-]*)/g)].map(([, name = '']) => name);
    const ofServer = named.filter((name) => !allCliCommands.some((one) => one.name === name));
    for (const name of ofServer) expect(await renderRequestedHelp([name, '--help'], () => '')).toBeDefined();
  });

  test('names variables that are settings', () => {
    // the settings' file, the example, sandboxes, the tag of the image in docker-compose.yaml
    const ofOthers = ['CORRAL_CONFIG', 'CORRAL_URL', 'CORRAL_SANDBOX_ID', 'CORRAL_VERSION'];
    const known = [...settings.flatMap(({ variables }) => variables), ...ofOthers];
    const named = textOf(file).match(/\bCORRAL_[A-Z0-9_]*[A-Z0-9]/g) ?? [];
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});

test("the table in docs/facades.md has each facade's row, and no other", () => {
  const tableRows = (textOf('docs/facades.md').match(/^\| .*$/gm) ?? []).slice(2);
  const expected = Object.values(facadeDescriptors).map(({ label, audience, paths, documents }) => {
    const cells = [label, audience, paths.map((path) => `\`${path}\``).join(', '), documents];
    return `| ${cells.join(' | ')} |`.replaceAll('|  |', '| |');
  });
  expect([...tableRows].sort()).toEqual(expected.sort());
});

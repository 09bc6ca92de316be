// @module-tag all
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { Sbom } from '../../../scripts/sbom-check.ts';

const root = resolve(import.meta.dirname, '../../..');

test("the bill of materials lists the server's packages, each with its hash and without a download address", () => {
  const text = execFileSync(process.execPath, ['scripts/sbom.ts'], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  const sbom = Sbom.parse(JSON.parse(text));
  const { dependencies = {} } = JSON.parse(readFileSync(resolve(root, 'package.json'), 'utf8'));
  const listed = new Set(sbom.components.map(({ name }) => name));
  expect(Object.keys(dependencies).filter((name) => !listed.has(name))).toEqual([]);
  expect(listed).not.toContain('vitest');
  expect(sbom.metadata.component.name).toBe('corral');
  expect(text).not.toMatch(/\.tgz/);
  const config = execFileSync('npm', ['config', 'get', 'registry'], { cwd: root, encoding: 'utf8' }).trim();
  expect(text).not.toContain(new URL(config).host);
});

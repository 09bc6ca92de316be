import { expect, test } from 'vitest';
import {
  findSbomProblems,
  type PackageLock,
  pickServerComponents,
  Sbom,
  withoutDownloadLocations,
} from '../../../scripts/sbom-check.ts';

const part = (name: string) => ({
  'bom-ref': `${name}@1.0.0`,
  name,
  version: '1.0.0',
  purl: `pkg:npm/${name}@1.0.0`,
  hashes: [{ alg: 'SHA-512', content: 'ab' }],
  externalReferences: [],
});
const lock: PackageLock = {
  name: 'corral',
  packages: { '': {}, 'node_modules/a': { version: '1.0.0' }, 'node_modules/b': { version: '1.0.0', dev: true } },
};
const listOf = (...components: object[]) =>
  Sbom.parse({
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    components,
    metadata: { component: { 'bom-ref': 'corral@0.1.0', name: 'some-folder' } },
    dependencies: [{ ref: 'a@1.0.0', dependsOn: ['b@1.0.0'] }, { ref: 'b@1.0.0' }],
  });

test('parts of development are left out, with what depends on them', () => {
  const served = pickServerComponents(listOf(part('a'), part('b')), lock);
  expect([findSbomProblems(served, lock), served.dependencies]).toEqual([[], [{ ref: 'a@1.0.0', dependsOn: [] }]]);
});

test.each([
  ['a part that is missing', listOf(part('b')), 'a@1.0.0 is in the lock and not in the list'],
  ['a part too many', listOf(part('a'), part('c')), 'c@1.0.0 is in the list and not in the lock'],
  ['a part without its hash', listOf({ ...part('a'), hashes: [] }), 'a@1.0.0 has no SHA-512'],
  [
    'a place of download',
    listOf({ ...part('a'), externalReferences: [{ type: 'distribution', url: 'https://mirror.example/a.tgz' }] }),
    'a@1.0.0 names the place it was downloaded from',
  ],
])('%s is found', (_what, sbom, problem) => expect(findSbomProblems(sbom, lock)).toContain(problem));

test('places of download and the name of the folder are taken out', () => {
  const from = { ...part('a'), externalReferences: [{ type: 'distribution', url: 'https://mirror.example/a.tgz' }] };
  expect(JSON.stringify(withoutDownloadLocations(listOf(from)))).not.toMatch(/mirror|some-folder/);
});

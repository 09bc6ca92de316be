import { z } from 'zod';

const Component = z.looseObject({
  'bom-ref': z.string(),
  name: z.string(),
  version: z.string(),
  purl: z.string(),
  hashes: z.array(z.looseObject({ alg: z.string(), content: z.string() })).default([]),
  externalReferences: z.array(z.looseObject({ type: z.string(), url: z.string() })).default([]),
});
/** Fields of CycloneDX 1.5 that this check reads; others pass unchanged. */
export const Sbom = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  specVersion: z.string(),
  metadata: z.looseObject({ component: z.looseObject({ 'bom-ref': z.string(), name: z.string() }) }),
  components: z.array(Component).min(1),
  dependencies: z.array(z.looseObject({ ref: z.string(), dependsOn: z.array(z.string()).default([]) })).default([]),
});
export type Sbom = z.infer<typeof Sbom>;

interface Entry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}
export interface PackageLock {
  readonly name: string;
  readonly packages: Readonly<Record<string, Entry>>;
}

/** Removes download locations and the source folder's name, which differ between machines. */
export function withoutDownloadLocations(sbom: Sbom): Sbom {
  const components = sbom.components.map((component) => ({
    ...component,
    externalReferences: component.externalReferences.filter(({ type }) => type !== 'distribution'),
  }));
  const { component } = sbom.metadata;
  return { ...sbom, metadata: { ...sbom.metadata, component: { ...component, name: 'corral' } }, components };
}

export function pickServerComponents(sbom: Sbom, lock: PackageLock): Sbom {
  const served = servedParts(lock);
  const components = sbom.components.filter((one) => served.has(partOf(one)));
  const refs = new Set([sbom.metadata.component['bom-ref'], ...components.map((one) => one['bom-ref'])]);
  const dependencies = sbom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map((one) => ({ ...one, dependsOn: one.dependsOn.filter((ref) => refs.has(ref)) }));
  return { ...sbom, components, dependencies };
}

export function findSbomProblems({ components }: Sbom, lock: PackageLock): string[] {
  const expected = servedParts(lock);
  const listed = new Set(components.map(partOf));
  const places = components.filter(
    ({ purl, externalReferences }) =>
      /[?&](repository_url|download_url|vcs_url)=/.test(purl) ||
      externalReferences.some(({ type }) => type === 'distribution'),
  );
  return [
    ...[...expected].filter((part) => !listed.has(part)).map((part) => `${part} is in the lock and not in the list`),
    ...[...listed].filter((part) => !expected.has(part)).map((part) => `${part} is in the list and not in the lock`),
    ...components
      .filter(({ hashes }) => !hashes.some(({ alg }) => alg === 'SHA-512'))
      .map((one) => `${partOf(one)} has no SHA-512`),
    ...places.map((one) => `${partOf(one)} names the place it was downloaded from`),
  ];
}

const partOf = ({ name, version }: Pick<Sbom['components'][number], 'name' | 'version'>) => `${name}@${version}`;

function servedParts({ packages }: PackageLock): Set<string> {
  const folder = 'node_modules/';
  const served = Object.entries(packages).filter(([path, { dev, optional, devOptional }]) => {
    return path !== '' && !dev && !optional && !devOptional;
  });
  return new Set(
    served.map(([path, { version = '' }]) =>
      partOf({ name: path.slice(path.lastIndexOf(folder) + folder.length), version }),
    ),
  );
}

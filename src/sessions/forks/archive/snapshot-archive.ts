import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Snapshot } from '../../../core/model/sandboxes/snapshot.ts';
import { parseJsonWithinLimits } from '../../../core/text/json.ts';
import { createTarHeaders, createTarPadding, tarEnd } from '../../../core/text/tar.ts';
import { invalidArchiveError, readTarEntries, type TarEntry } from './tar-reader.ts';

// A snapshot is a tar file in OCI image layout. The only layer comes last, so that it can be streamed.

const types = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  artifact: 'application/vnd.corral.snapshot.v1',
  config: 'application/vnd.corral.snapshot.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;
const maxDocument = 256 * 1024;
const documentLimits = { maxBytes: maxDocument, maxDepth: 20, maxValues: 10_000 };
/** Maximum number of folder headers before a file; some programs write one per folder. */
const maxFolders = 100;
const block = 512;

const Digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
const Descriptor = z.object({ mediaType: z.string(), digest: Digest, size: z.int().min(0) });
const Layout = z.object({ imageLayoutVersion: z.string().regex(/^1\./) });
const Index = z.object({ schemaVersion: z.literal(2), manifests: z.tuple([Descriptor]) });
const Manifest = z.object({
  schemaVersion: z.literal(2),
  config: Descriptor.extend({ mediaType: z.literal(types.config) }),
  layers: z.tuple([Descriptor.extend({ mediaType: z.literal(types.layer) })]),
});
const ArchivedFacts = z.object({
  name: z.string().max(130).nullable(),
  labels: z.record(z.string().min(1).max(64), z.string().max(256)).refine((labels) => Object.keys(labels).length <= 32),
  template: z.string().regex(/^[a-z][a-z0-9_-]{0,40}$/),
  createdAt: z.iso.datetime(),
});
export type ArchiveMetadata = z.infer<typeof ArchivedFacts>;

interface Blob {
  readonly digest: string;
  readonly size: number;
}
const toBlob = (text: string): Blob => ({
  digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
  size: Buffer.byteLength(text),
});

export function createSnapshotArchive(
  { name, labels, template, at, bytes, sha256 }: Snapshot,
  content: AsyncIterable<Uint8Array>,
) {
  const facts: ArchiveMetadata = { name, labels, template, createdAt: new Date(at).toISOString() };
  const config = JSON.stringify(facts);
  const layer = { mediaType: types.layer, digest: `sha256:${sha256}`, size: bytes };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.manifest,
    artifactType: types.artifact,
    config: { mediaType: types.config, ...toBlob(config) },
    layers: [layer],
  });
  const reference = name === null ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } };
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: types.index,
    manifests: [{ mediaType: types.manifest, ...toBlob(manifest), ...reference }],
  });
  const documents = [
    ['oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })],
    ['index.json', index],
    [pathOf(toBlob(manifest)), manifest],
    [pathOf(toBlob(config)), config],
  ] as const;
  const sizes = [...documents.map(([, text]) => Buffer.byteLength(text)), bytes];
  const size = sizes.reduce((sum, one) => sum + block + one + createTarPadding(one).length, tarEnd.length);
  async function* stream(): AsyncGenerator<Uint8Array> {
    for (const [path, text] of documents) {
      const body = Buffer.from(text);
      yield Buffer.concat([...headersOf(path, body.length), body, createTarPadding(body.length)]);
    }
    yield* headersOf(pathOf(layer), bytes);
    yield* content;
    yield Buffer.concat([createTarPadding(bytes), tarEnd]);
  }
  return { size, content: stream() };
}

const headersOf = (path: string, size: number) => createTarHeaders(path, size, 0o644);
const pathOf = ({ digest }: Pick<Blob, 'digest'>) => `blobs/sha256/${digest.slice('sha256:'.length)}`;

export interface SnapshotArchive {
  readonly facts: ArchiveMetadata;
  readonly sha256: string;
  readonly bytes: number;
  /** Fails if the archive ends early or has data after the files. The caller must check `sha256`. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** Rejects with invalid_request if the archive is not a snapshot. */
export async function openSnapshotArchive(source: AsyncIterable<Uint8Array>): Promise<SnapshotArchive> {
  const entries = readTarEntries(source);
  const next = async (): Promise<TarEntry> => {
    for (let folders = 0; folders < maxFolders; folders++) {
      const { done, value } = await entries.next();
      if (done) break;
      if (value.type !== '5' || value.size > 0) return value;
    }
    throw invalidArchiveError('it has no files of a snapshot');
  };
  const document = async <Value>(schema: z.ZodType<Value>, path: string, blob?: Blob): Promise<Value> => {
    const entry = await next();
    if (entry.type !== '0' || entry.name !== path)
      throw invalidArchiveError(`${JSON.stringify(entry.name.slice(0, 100))} is where ${path} should be`);
    if (entry.size > maxDocument) throw invalidArchiveError(`${path} is too long`);
    const pieces: Buffer[] = [];
    for await (const piece of entry.content) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    if (blob && toBlob(text).digest !== blob.digest)
      throw invalidArchiveError(`${path} does not have the content that was exported`);
    const parsed = schema.safeParse(parseJsonWithinLimits(text, documentLimits));
    if (!parsed.success) throw invalidArchiveError(`${path} is not a valid part of a snapshot`);
    return parsed.data;
  };
  await document(Layout, 'oci-layout');
  const { manifests } = await document(Index, 'index.json');
  const [pointer] = manifests;
  const manifest = await document(Manifest, pathOf(pointer), pointer);
  const facts = await document(ArchivedFacts, pathOf(manifest.config), manifest.config);
  const [layer] = manifest.layers;
  const files = await next();
  if (files.type !== '0' || files.name !== pathOf(layer) || files.size !== layer.size)
    throw invalidArchiveError('its files are not those of its manifest');
  async function* content(): AsyncGenerator<Uint8Array> {
    yield* files.content;
    if (!(await entries.next()).done) throw invalidArchiveError('it has data after its files');
  }
  return { facts, sha256: layer.digest.slice('sha256:'.length), bytes: layer.size, content: content() };
}

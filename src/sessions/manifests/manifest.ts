import { createHash } from 'node:crypto';
import { AppError } from '../../core/errors/errors.ts';

/** Paths are relative, and decoded as latin1 because they can contain any bytes. */
export interface WorkspaceManifest {
  /** Maps each path to its kind and, depending on the kind, its mode, size, hash or link target. */
  readonly entries: ReadonlyMap<string, string>;
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
}

/** Larger workspaces get no manifest, because hashing would delay a pause too long. */
export const maxManifestSize = { entries: 100_000, bytes: 4 * 1024 * 1024 * 1024 } as const;

const unread = '?';
// Paths can start with digits, so each kind has its own pattern.
const patterns = {
  l: /^(?<kind>l) (?<path>.*)$/s,
  f: /^(?<kind>f) (?<mode>\d+) (?<size>\d+) (?<path>.*)$/s,
};
const other = /^(?<kind>.) (?<mode>\d+) (?<path>.*)$/s;

export class ManifestReader {
  readonly #entries = new Map<string, string>();
  #rest = '';
  #link: string | undefined;
  #isHashing = false;
  #isComplete = false;
  #files = 0;
  #bytes = 0;

  /** Throws payload_too_large if the workspace exceeds `maxManifestSize`. */
  read(bytes: Uint8Array): void {
    const fields = (this.#rest + Buffer.from(bytes).toString('latin1')).split('\0');
    this.#rest = fields.pop() ?? '';
    for (const field of fields) this.#take(field);
    if (this.#entries.size > maxManifestSize.entries || this.#bytes > maxManifestSize.bytes) {
      throw new AppError('payload_too_large', 'The workspace is too large for a manifest.');
    }
  }

  /** Throws conflict if the listing ended early. */
  manifest(): WorkspaceManifest {
    if (!this.#isComplete) throw new AppError('conflict', 'The list of files is incomplete.');
    return createManifest(this.#entries, { files: this.#files, bytes: this.#bytes });
  }

  #take(field: string): void {
    if (this.#link !== undefined) {
      this.#entries.set(this.#link, `l ${field}`);
      this.#link = undefined;
    } else if (field === 'hashes') this.#isHashing = true;
    else if (field === 'end') this.#isComplete = true;
    else if (this.#isHashing) this.#hash(field);
    else this.#list(field);
  }

  #list(field: string): void {
    const {
      kind = '',
      mode = '',
      size = '0',
      path = '',
    } = patterns[field[0] as keyof typeof patterns]?.exec(field)?.groups ?? other.exec(field)?.groups ?? {};
    if (kind === 'l') {
      this.#link = path;
      return;
    }
    this.#entries.set(path, kind === 'f' ? `f ${mode} ${size} ${unread}` : `${kind} ${mode}`);
    if (kind !== 'f') return;
    this.#files++;
    this.#bytes += Number(size);
  }

  #hash(field: string): void {
    const [, hash, path = ''] = /^([0-9a-f]{64}) .\.\/(.*)$/s.exec(field) ?? [];
    const listed = this.#entries.get(path);
    if (hash && listed?.endsWith(unread)) this.#entries.set(path, listed.slice(0, -1) + hash);
  }
}

function createManifest(
  entries: ReadonlyMap<string, string>,
  sums: Pick<WorkspaceManifest, 'files' | 'bytes'>,
): WorkspaceManifest {
  const hash = createHash('sha256');
  for (const path of [...entries.keys()].sort()) hash.update(`${entries.get(path)}\0${path}\0`);
  return { entries, ...sums, digest: hash.digest('hex') };
}

export function* serializeManifest({ entries }: WorkspaceManifest): Generator<Uint8Array> {
  for (const [path, entry] of entries) yield Buffer.from(`${path}\0${entry}\0`, 'latin1');
}

export function parseManifest(bytes: Buffer): ReadonlyMap<string, string> {
  const fields = bytes.toString('latin1').split('\0');
  const entries = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) entries.set(fields[at] as string, fields[at + 1] as string);
  return entries;
}

export function findDamagedPaths(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  const damaged = [...before].filter(([path, entry]) => !isSame(entry, now.get(path)));
  return damaged.map(([path]) => Buffer.from(path, 'latin1').toString('utf8')).sort();
}

/** An unreadable file has no hash, so compare only its other attributes. */
function isSame(before: string, now: string | undefined): boolean {
  if (before === now) return true;
  if (now === undefined || !before.startsWith('f ')) return false;
  return (before.endsWith(unread) || now.endsWith(unread)) && withoutHash(before) === withoutHash(now);
}
const withoutHash = (entry: string) => entry.slice(0, entry.lastIndexOf(' '));

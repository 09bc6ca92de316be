import { isUtf8 } from 'node:buffer';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type Entry, fromBufferPromise } from 'yauzl';
import { ZipFile } from 'yazl';
import { withSequentialCalls } from '../../core/concurrency/keyed-queue.ts';
import type { BlobStore } from '../../core/contracts/blobs.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { skillVersionKind } from '../../core/model/records.ts';
import { assertArchive, detectArchiveFormat } from '../../core/text/files/archive-format.ts';
import { decodeUtf8Text } from '../../core/text/files/encoding.ts';
import type { Skill, SkillFile, SkillService, SkillVersion } from '../api/server/skills.ts';
import type { TemplateInfo } from '../api/server/templates.ts';
import type { BlobReference, CopyStore } from '../forks/copies.ts';
import {
  parseSkillPin,
  type SkillRecords,
  type StoredSkill,
  type StoredSkillVersion,
  versionRecordIdOf,
} from './records.ts';
import {
  type CheckedSkillFolder,
  checkSkillFolder,
  isIgnoredSkillFile,
  requireValidSkillFolder,
  skillLimits,
} from './skill-files.ts';

interface Deps {
  readonly records: SkillRecords;
  readonly blobs: BlobStore;
  readonly copies: Pick<CopyStore, 'announce' | 'release'>;
  readonly clock: Clock;
  readonly ids: Pick<IdSource, 'short'>;
  readonly templates: () => readonly Pick<TemplateInfo, 'name' | 'skills'>[];
}
const placeOf = (version: Pick<StoredSkillVersion, 'id' | 'skillId' | 'blob'>): BlobReference => ({
  of: skillVersionKind,
  holder: versionRecordIdOf(version),
  blob: version.blob,
});
const maxVersions = 100; // per skill

export type SkillContentService = SkillService & {
  contents(version: SkillVersion): Promise<readonly Buffer[]>;
};

export function createSkillService({ records, blobs, copies, clock, ids, templates }: Deps): SkillContentService {
  const pinsOf = ({ name, shared }: Pick<Skill, 'name' | 'shared'>) =>
    templates().flatMap(({ name: template, skills = [] }) =>
      skills
        .map(parseSkillPin)
        .filter((pin) => shared && pin.name === name)
        .map(({ version }) => ({ template, version })),
    );

  async function stored(
    { skill, files }: CheckedSkillFolder,
    skillId: string,
    number: number,
  ): Promise<StoredSkillVersion> {
    const id = `skillver_${ids.short()}${ids.short()}`;
    const blob = `skill-${ids.short()}${ids.short()}`;
    const content = files.map(({ bytes }) => bytes);
    await copies.announce(placeOf({ id, skillId, blob }));
    await blobs.put(blob, chunks(content), { maxBytes: skillLimits.bytes, signal: new AbortController().signal });
    return {
      id,
      skillId,
      number,
      name: skill.name,
      description: skill.description,
      license: skill.license ?? null,
      compatibility: skill.compatibility ?? null,
      argumentHint: skill.argumentHint,
      allowedTools: skill.allowedTools ?? [],
      files: files.map(({ path, bytes: { length }, executable }) => ({ path, size: length, executable })),
      createdAt: clock.now(),
      blob,
    };
  }

  async function contents(version: SkillVersion): Promise<readonly Buffer[]> {
    const { blob, files } = version as StoredSkillVersion;
    const whole = Buffer.concat(await (await blobs.open(blob)).toArray());
    let at = 0;
    return files.map(({ size }) => {
      at += size;
      return whole.subarray(at - size, at);
    });
  }

  const removeVersion = (version: StoredSkillVersion) =>
    copies.release(placeOf(version), () => records.deleteVersion(version));

  const service: SkillContentService = {
    contents,
    async list(owner, projects = []) {
      const seen = await records.list(owner, projects);
      return seen.sort((a, b) => (a.name < b.name ? -1 : 1)).map(publicSkill);
    },
    async check(files) {
      try {
        const { name, problems, warnings } = checkSkillFolder(await unpackSkill(files));
        return { name, problems, warnings };
      } catch (thrown) {
        const { code, publicMessage } = toAppError(thrown);
        if (code !== 'invalid_request') throw thrown;
        return { name: null, problems: [publicMessage], warnings: [] };
      }
    },
    async create({ files, owner, projectId, shared = false, displayName = null }) {
      const folder = requireValidSkillFolder(await unpackSkill(files));
      const id = `skill_${ids.short()}${ids.short()}`;
      const version = await stored(folder, id, 1);
      const now = clock.now();
      const skill: StoredSkill = {
        id,
        name: folder.skill.name,
        description: folder.skill.description,
        displayName,
        ...(owner !== undefined && { owner }),
        ...(projectId && { projectId }),
        shared,
        latestVersion: version.id,
        lastNumber: 1,
        createdAt: now,
        updatedAt: now,
      };
      try {
        await records.addVersion(version); // first, so that no skill without a version can be found
        await records.create(skill);
      } catch (thrown) {
        await removeVersion(version);
        throw thrown;
      }
      return publicSkill(skill);
    },
    get: async (id) => publicSkill(await records.get(id)),
    async addVersion(id, { files }) {
      const folder = requireValidSkillFolder(await unpackSkill(files));
      const { name } = await records.get(id);
      if (folder.skill.name !== name) {
        const text = `The skill is named ${name}, not ${folder.skill.name} as in this folder. Its name cannot change.`;
        throw new AppError('invalid_request', text);
      }
      if ((await records.versions(id)).length >= maxVersions)
        throw new AppError('quota', `It already has ${maxVersions} versions. Delete some first.`);
      const { lastNumber } = await records.change(id, (now) => ({ ...now, lastNumber: now.lastNumber + 1 }));
      const version = await stored(folder, id, lastNumber);
      await records.addVersion(version);
      await records.change(id, (now) =>
        now.lastNumber === lastNumber
          ? { ...now, latestVersion: version.id, description: version.description, updatedAt: version.createdAt }
          : now,
      );
      return publicVersion(version);
    },
    async versions(id) {
      await records.get(id);
      return (await records.versions(id)).map(publicVersion);
    },
    async version(id, target) {
      await records.get(id);
      return publicVersion(await records.version(id, target));
    },
    async download(id, target) {
      const version = await records.version(id, target);
      return { name: version.name, content: createZip(version, await contents(version)) };
    },
    async read(id, target, file) {
      const version = await records.version(id, target);
      const at = version.files.findIndex(({ path }) => path === file);
      if (at < 0) {
        const paths = version.files
          .map(({ path }) => path)
          .slice(0, 50)
          .join(', ');
        throw new AppError('file_not_found', `The skill ${version.name} has no file ${file}. It has: ${paths}.`);
      }
      const bytes = (await contents(version))[at] ?? Buffer.alloc(0);
      const text = bytes.length > skillLimits.text ? undefined : decodeUtf8Text(bytes);
      if (text === undefined) throw new AppError('invalid_request', `${file} is not text. Use it in the sandbox.`);
      return text;
    },
    async delete(id) {
      const skill = await records.get(id);
      refusePinned(pinsOf(skill), skill.name);
      for (const version of await records.versions(id)) await removeVersion(version);
      await records.delete(skill);
    },
    async deleteVersion(id, target) {
      const skill = await records.get(id);
      const version = await records.version(id, target);
      refusePinned(
        pinsOf(skill).filter((pin) => pin.version === version.number),
        `${skill.name}@${version.number}`,
      );
      const rest = (await records.versions(id)).filter((one) => one.id !== version.id);
      const [newest] = rest;
      if (!newest) throw new AppError('conflict', 'This is the only version. Delete the skill instead.');
      await records.change(id, (now) => ({ ...now, latestVersion: newest.id, description: newest.description }));
      await removeVersion(version);
    },
    async pins(id) {
      return pinsOf(await records.get(id));
    },
  };
  return withSequentialCalls(service, 'addVersion');
}

const publicSkill = ({ lastNumber: _, ...skill }: StoredSkill): Skill => skill;
const publicVersion = (version: StoredSkillVersion): SkillVersion => version;

function refusePinned(pins: readonly { readonly template: string }[], what: string): void {
  const [first] = pins;
  if (first) throw new AppError('conflict', `The template ${first.template} uses ${what}. Remove it there first.`);
}

async function* chunks(content: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const bytes of content) if (bytes.length > 0) yield bytes;
}

function createZip({ name, files, createdAt }: StoredSkillVersion, contents: readonly Buffer[]): Readable {
  const zip = new ZipFile();
  files.forEach(({ path, executable }, at) => {
    const mode = executable ? 0o100755 : 0o100644;
    zip.addBuffer(contents[at] ?? Buffer.alloc(0), `${name}/${path}`, { mtime: new Date(createdAt), mode });
  });
  zip.end();
  return zip.outputStream as Readable;
}

const maxEntries = 4 * skillLimits.files; // including folders and skipped files
const kinds = { mask: 0o170000, link: 0o120000, file: 0o100000 } as const;

const refused = (why: string, cause?: unknown) =>
  new AppError('invalid_request', `The archive cannot be read: ${why}. Upload the folder, or pack it again.`, {
    cause,
  });

/** Unpacks a single zip archive (`.zip`, `.skill`); returns other files unchanged. Rejects: invalid_request. */
export async function unpackSkill(files: readonly SkillFile[]): Promise<readonly SkillFile[]> {
  const [file] = files;
  if (files.length !== 1 || !file) return files;
  assertArchive(file.bytes, 'zip');
  if (detectArchiveFormat(file.bytes) !== 'zip') return files;
  try {
    return await unpacked(Buffer.from(file.bytes));
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : refused((thrown as Error).message, thrown);
  }
}

async function unpacked(archive: Buffer): Promise<SkillFile[]> {
  const zip = await fromBufferPromise(archive, { lazyEntries: true, autoClose: false });
  if (zip.entryCount > maxEntries)
    throw refused(`it has ${zip.entryCount} entries, and at most ${maxEntries} are allowed`);
  const entries: Entry[] = [];
  for await (const entry of zip.eachEntry()) {
    if (entries.push(entry) > maxEntries) throw refused(`it has more than ${maxEntries} entries`);
  }
  const files: SkillFile[] = [];
  let left = skillLimits.bytes;
  for (const entry of entries) {
    const path = nameOf(entry);
    if (path.endsWith('/') || isIgnoredSkillFile(path)) continue;
    const mode = entry.externalFileAttributes >>> 16; // the mode is 0 if the archive was packed on Windows
    const kind = mode & kinds.mask;
    if (kind === kinds.link) throw refused(`${path} is a link`);
    if (kind !== 0 && kind !== kinds.file) throw refused(`${path} is a device, or another special file`);
    if (entry.isEncrypted()) throw refused(`${path} has a password`);
    left -= entry.uncompressedSize;
    if (left < 0) throw refused(`its files have more than ${skillLimits.bytes} bytes`);
    const bytes = await buffer(await zip.openReadStreamPromise(entry));
    files.push({ path, bytes, ...((mode & 0o100) !== 0 && { executable: true }) });
  }
  return files;
}

/** Detects UTF-8 and normalizes to NFC, because macOS packs decomposed names without marking them as UTF-8. */
const nameOf = ({ fileName, fileNameRaw }: Entry): string =>
  (isUtf8(fileNameRaw) ? fileNameRaw.toString() : fileName).replaceAll('\\', '/').normalize('NFC');

import { AppError } from '../../core/errors/errors.ts';
import { isSafePath } from '../../core/text/file-names.ts';
import { decodeUtf8Text } from '../../core/text/files/encoding.ts';
import { createTarHeaders, createTarPadding, tarEnd } from '../../core/text/tar.ts';
import type { SkillFile, SkillFileEntry } from '../api/server/skills.ts';
import { type ParsedSkill, parseSkill } from '../run/skills/parse-skill.ts';

interface TarEntry extends Pick<SkillFileEntry, 'path' | 'executable'> {
  readonly bytes: Uint8Array;
}

export function createTar(files: readonly TarEntry[], folder: string): Buffer {
  const parts = files.flatMap(({ path, bytes, executable }) => [
    ...createTarHeaders(`${folder}/${path}`, bytes.length, executable ? 0o555 : 0o444),
    bytes,
    createTarPadding(bytes.length),
  ]);
  return Buffer.concat([...parts, tarEnd]);
}

export const skillLimits = { files: 500, bytes: 30 * 1024 * 1024, path: 200, text: 1024 * 1024 } as const;
const maxProblems = 20;

/** Files are sorted by path, and their paths are relative to the folder. */
export interface CheckedSkillFolder {
  readonly skill: ParsedSkill;
  readonly files: readonly (Omit<SkillFile, 'executable'> & { readonly executable: boolean })[];
}
interface FolderCheck {
  readonly folder?: CheckedSkillFolder;
  readonly name: string | null;
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** Ignores files left by version control, operating systems and package managers. */
export function checkSkillFolder(values: readonly SkillFile[]): FolderCheck {
  const problems: string[] = [];
  const files = values
    .map((file) => ({ ...file, path: file.path.replace(/^\.\//, '') }))
    .filter(({ path }) => !isIgnoredSkillFile(path));
  if (files.length === 0)
    return { name: null, problems: ['There are no files. A skill is a folder with SKILL.md.'], warnings: [] };
  if (files.length > skillLimits.files)
    problems.push(`There are ${files.length} files; at most ${skillLimits.files} are allowed.`);
  const bytes = files.reduce((sum, { bytes: { length } }) => sum + length, 0);
  if (bytes > skillLimits.bytes)
    problems.push(`The files have ${bytes} bytes in total; at most ${skillLimits.bytes} are allowed.`);
  for (const { path } of files) {
    const shown = JSON.stringify(path.slice(0, 100));
    if (!isSafePath(path) || path.includes('\\') || /\p{Cc}/u.test(path))
      problems.push(`${shown} is not a relative path of a file.`);
    else if (Buffer.byteLength(path) > skillLimits.path)
      problems.push(`${shown} is longer than ${skillLimits.path} bytes.`);
  }
  const taken = new Set<string>();
  for (const { path } of files) {
    if (taken.has(path)) problems.push(`${JSON.stringify(path)} is listed twice.`);
    taken.add(path);
  }
  for (const { path } of files) {
    const inner = path
      .split('/')
      .slice(0, -1)
      .map((_, at, all) => all.slice(0, at + 1).join('/'));
    if (inner.some((folder) => taken.has(folder))) problems.push(`${JSON.stringify(path)} lies below a file.`);
  }
  if (problems.length > 0) return { name: null, problems: problems.slice(0, maxProblems), warnings: [] };
  const top = topFolder(files);
  const own = top === undefined ? files : files.map((file) => ({ ...file, path: file.path.slice(top.length + 1) }));
  const main = own.find(({ path }) => path === 'SKILL.md');
  if (!main) {
    const near = own.find(({ path }) => /^skill\.md$/i.test(path));
    const what = near
      ? `${near.path} must be called SKILL.md.`
      : 'There is no SKILL.md at the top of the folder: add one that begins with the name and a description.';
    return { name: null, problems: [what], warnings: [] };
  }
  const { skill, problems: wrong, warnings } = parseSkill(decodeUtf8Text(main.bytes) ?? '', top);
  if (!skill) return { name: null, problems: wrong, warnings };
  const sorted = own
    .map(({ path, bytes: content, executable }) => ({
      path,
      bytes: content,
      executable: executable ?? isScript(content),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  return { name: skill.name, problems: [], warnings, folder: { skill, files: sorted } };
}

/** Throws: invalid_request, which lists all problems. */
export function requireValidSkillFolder(files: readonly SkillFile[]): CheckedSkillFolder {
  const { folder, problems } = checkSkillFolder(files);
  if (!folder) throw new AppError('invalid_request', problems.join('\n'));
  return folder;
}

function topFolder(files: readonly SkillFile[]): string | undefined {
  const [first = ''] = files[0]?.path.split('/') ?? [];
  return files.every(({ path }) => path.startsWith(`${first}/`)) ? first : undefined;
}
const isScript = (bytes: Uint8Array) => bytes[0] === 0x23 && bytes[1] === 0x21;
export const isIgnoredSkillFile = (path: string) =>
  /(^|\/)(\.git|\.svn|__MACOSX|__pycache__|node_modules)\/|(^|\/)(\.DS_Store|Thumbs\.db)$/.test(path);

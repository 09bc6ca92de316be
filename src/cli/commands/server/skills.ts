import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Outputs } from '../../../client/types.ts';
import { type CliCommand, jsonOption } from '../../command.ts';
import { exitCodes, UsageError } from '../../exit-codes.ts';
import { findNamed } from '../../find-named.ts';
import { oneLine } from '../../io.ts';

type Skill = Outputs['skills']['list'][number];

const skipped = new Set(['.git', 'node_modules', '__pycache__', '.DS_Store']);
const maxFiles = 500;
const maxBytes = 7 * 1024 * 1024; // as base64 below the server's usual limit of a JSON body

interface FolderFile {
  readonly path: string;
  readonly content: string;
  readonly executable: boolean;
}

/** The files of a folder, below its own name. Links are left out, because they can lead anywhere. */
async function readFolder(value: string): Promise<FolderFile[]> {
  const root = resolve(value);
  if (!(await stat(root).catch(() => undefined))?.isDirectory())
    throw new UsageError(`${value} is not a folder. Name the folder that contains SKILL.md.`);
  const files: FolderFile[] = [];
  let bytes = 0;
  const walk = async (folder: string, path: string): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue;
      const whole = join(folder, entry.name);
      if (entry.isDirectory()) await walk(whole, `${path}/${entry.name}`);
      if (!entry.isFile()) continue;
      const { mode, size } = await stat(whole);
      bytes += size;
      if (files.length >= maxFiles || bytes > maxBytes)
        throw new UsageError(`${value} has more than ${maxFiles} files or 7 MiB. Remove what the skill does not need.`);
      const content = (await readFile(whole)).toString('base64');
      files.push({ path: `${path}/${entry.name}`, content, executable: (mode & 0o100) !== 0 });
    }
  };
  await walk(root, basename(root));
  return files;
}

/** The skills of a server: lists, checks, uploads and deletes them. */
export const skillCommand: CliCommand = {
  name: 'skill',
  args: [
    ['[action]', 'ls (or list), check, upload, show, delete; without one: ls'],
    ['[skill]', 'the folder to check or upload; else the name or id of a skill'],
  ],
  about: 'gives skills to agents: checks, uploads, lists and deletes folders with a SKILL.md',
  options: [
    ['--version-only <version>', 'with delete: only this version, by its number or id'],
    ['--private', 'with upload: only your own sessions can use a new skill, even if you are an administrator'],
    jsonOption,
  ],
  examples: ['corral skill check ./house-style', 'corral skill upload ./house-style', 'corral skill show house-style'],
  async run({ args: [action = 'ls', word], options, io, corral }) {
    const server = corral();
    const isJson = options.flag('json');
    const show = (value: object, line: string) => io.print(isJson ? JSON.stringify(value) : line);
    const formatLine = ({ id, name, shared, description }: Skill) =>
      `${id}  ${name.padEnd(24)}  ${shared ? 'shared ' : 'private'}  ${oneLine(description, 100)}`;
    const list = () => server.call((api) => api.skills.list.query());
    if (action === 'ls' || action === 'list') {
      const all = await list();
      for (const one of all) show(one, formatLine(one));
      if (all.length === 0 && !isJson) io.say('There are no skills. Upload one with: corral skill upload <folder>');
      return exitCodes.ok.code;
    }
    if (word === undefined) throw new UsageError(`Name the skill or its folder: corral skill ${action} <skill>`);
    switch (action) {
      case 'check': {
        const files = await readFolder(word);
        const found = await server.call((api) => api.skills.check.mutate({ files }));
        if (isJson) show(found, '');
        else {
          for (const text of found.problems) io.print(`problem: ${text}`);
          for (const text of found.warnings) io.print(`warning: ${text}`);
          if (found.problems.length === 0) io.print(`${found.name} can be uploaded.`);
        }
        return found.problems.length === 0 ? exitCodes.ok.code : exitCodes.failed.code;
      }
      case 'upload': {
        const files = await readFolder(word);
        const { name } = await server.call((api) => api.skills.check.mutate({ files }));
        const known = (await list()).find((one) => one.name === name);
        if (known) {
          const version = await server.call((api) => api.skills.addVersion.mutate({ id: known.id, files }));
          show(version, `${known.id}  ${version.name}@${version.number}`);
        } else {
          const isPrivate = options.flag('private');
          const created = await server.call((api) =>
            api.skills.create.mutate({ files, ...(isPrivate && { shared: false }) }),
          );
          show(created, `${created.id}  ${created.name}@1`);
        }
        return exitCodes.ok.code;
      }
      case 'show':
      case 'delete': {
        const { id, name } = findNamed('skill', await list(), word);
        if (action === 'show') {
          const skill = await server.call((api) => api.skills.get.query({ id }));
          if (isJson) show(skill, '');
          else {
            io.print(formatLine(skill));
            for (const { number, createdAt, files } of skill.versions)
              io.print(`  ${name}@${number}  ${createdAt.slice(0, 19).replace('T', ' ')}  ${files.length} files`);
            for (const { template, version } of skill.pins)
              io.print(`  the template ${template} names ${version === null ? 'the newest' : `${name}@${version}`}`);
          }
          return exitCodes.ok.code;
        }
        const version = options.text('versionOnly');
        if (version === undefined) await server.call((api) => api.skills.delete.mutate({ id }));
        else await server.call((api) => api.skills.deleteVersion.mutate({ id, version }));
        show({ skill: id, deleted: true }, id);
        return exitCodes.ok.code;
      }
      default:
        throw new UsageError(`There is no action "${action}". Use ls, check, upload, show or delete.`);
    }
  },
};

import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { exitCodes, UsageError } from '../../command.ts';
import type { CustomVerbs } from '../../derived.ts';
import { findProjectId } from '../../server.ts';

const skipped = new Set(['.git', 'node_modules', '__pycache__', '.DS_Store']);
const maxFiles = 500;
const maxBytes = 7 * 1024 * 1024; // stays below the server's default limit for a JSON body, even as base64

interface FolderFile {
  readonly path: string;
  readonly content: string;
  readonly executable: boolean;
}

/** Links are left out, because they can point anywhere. */
async function readFolder(value: string): Promise<FolderFile[]> {
  const root = resolve(value);
  const found = await stat(root).catch(() => undefined);
  if (found?.isFile() && /\.(zip|skill)$/i.test(root) && found.size <= maxBytes)
    return [{ path: basename(root), content: (await readFile(root)).toString('base64'), executable: false }];
  if (!found?.isDirectory())
    throw new UsageError(
      `${value} is neither a folder nor a zip file of at most 7 MiB. Specify the folder that contains SKILL.md.`,
    );
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

export const customSkillVerbs: CustomVerbs = {
  options: [
    ['--private', 'with upload: only your own sessions can use a new skill, even if you are an administrator'],
    ['--project <project>', 'with upload: the project, by its name or id, whose sessions can use it'],
    ['--version-only <version>', 'with delete: only this version, by its number or id'],
  ],
  verbs: {
    async check({ words, options, server, io }) {
      const files = await readFolder(folderOf('check', words));
      const found = await server.call((api) => api.skills.check.mutate({ files }));
      if (options.flag('json')) io.print(JSON.stringify(found));
      else {
        for (const text of found.problems) io.print(`problem: ${text}`);
        for (const text of found.warnings) io.print(`warning: ${text}`);
        if (found.problems.length === 0) io.print(`${found.name} can be uploaded.`);
      }
      return found.problems.length === 0 ? exitCodes.ok.code : exitCodes.failed.code;
    },
    async upload({ words, options, server, io }) {
      const files = await readFolder(folderOf('upload', words));
      const { name } = await server.call((api) => api.skills.check.mutate({ files }));
      const named = options.text('project');
      const projectId = named === undefined ? null : await findProjectId(server, named);
      const known = (await server.call((api) => api.skills.list.query())).find(
        (one) => one.name === name && one.projectId === projectId,
      );
      const shared = options.flag('private') ? { shared: false } : {};
      const [made, line] = known
        ? await server
            .call((api) => api.skills.addVersion.mutate({ id: known.id, files }))
            .then((one) => [one, `${known.id}  ${one.name}@${one.number}`] as const)
        : await server
            .call((api) => api.skills.create.mutate({ files, projectId, ...shared }))
            .then((one) => [one, `${one.id}  ${one.name}@1`] as const);
      io.print(options.flag('json') ? JSON.stringify(made) : line);
      return exitCodes.ok.code;
    },
    async show({ words: [word], options, server, io, find, show }) {
      const id = await find(word);
      const skill = await server.call((api) => api.skills.get.query({ id }));
      show([skill], 'ls');
      if (options.flag('json')) return;
      for (const { name, number, createdAt, files } of skill.versions)
        io.print(`  ${name}@${number}  ${createdAt.slice(0, 19).replace('T', ' ')}  ${files.length} files`);
      for (const { template, version } of skill.pins)
        io.print(`  the template ${template} uses ${version === null ? 'the newest' : `${skill.name}@${version}`}`);
    },
    async delete({ words: [word], options, server, io, find }) {
      const [id, version] = [await find(word), options.text('versionOnly')];
      if (version === undefined) await server.call((api) => api.skills.delete.mutate({ id }));
      else await server.call((api) => api.skills.deleteVersion.mutate({ id, version }));
      io.print(options.flag('json') ? JSON.stringify({ skill: id, deleted: true }) : id);
      return undefined;
    },
  },
};

function folderOf(verb: string, [folder]: readonly string[]): string {
  if (folder === undefined) throw new UsageError(`Specify the folder: corral skill ${verb} <folder>`);
  return folder;
}

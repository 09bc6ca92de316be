import { z } from 'zod';
import { memoryFolder, memoryMountPath } from '../../core/model/run-files.ts';
import type { ClientTool } from '../../core/model/session-agent.ts';
import { replaceOccurrences } from '../../core/text/files/edits.ts';
import { memoizeByKey } from '../../core/text/list-fold.ts';
import { fileFindByName, fileFindInContent, fileRead, fileWrite } from './file.ts';
import { editFile } from './file-text.ts';
import { parseParameters, splitToolDescription } from './outside/portable-schema.ts';
import { restartShell, shellExec } from './shell.ts';
import { defineTool, type Tool, type ToolContext, type ToolResult, type UnsupportedTool } from './tool.ts';

// Managed Agents API tools, with names and arguments that the SDKs' workers know.

const shell = 'main';
export const sessionMountPath = '/mnt/session';
/** `/mnt/session` points to this workspace folder. */
export const sessionFilesFolder = '.session';

/** Translates mount paths, because the file tools work only in the workspace. */
function inWorkspace(path: string): string {
  const isIn = (folder: string) => path === folder || path.startsWith(`${folder}/`);
  if (isIn(sessionMountPath)) return `${sessionFilesFolder}${path.slice(sessionMountPath.length)}`;
  return isIn(memoryMountPath) ? `${memoryFolder}${path.slice(memoryMountPath.length)}` : path;
}

const filePath = z.string().min(1).describe('absolute path, or relative to the working directory');
const orderByPath = ({ file_path: path }: Readonly<Record<string, unknown>>) =>
  typeof path === 'string' ? `file ${path.split('/').at(-1)}` : null;

const bash = defineTool({
  name: 'bash',
  family: 'shell',
  group: 'bash',
  label: 'Run',
  description: 'Run a command in Bash and wait for its end. Directory and exports carry over to the next call.',
  parameters: z.object({
    command: z.string().optional().describe('the command; may be left out with restart'),
    restart: z.boolean().optional().describe('ends what runs and begins with a new shell'),
    timeout_ms: z.int().min(1).max(600_000).optional().describe('the longest time of the command'),
  }),
  orderKey: () => 'shell main',
  async run(ctx, { command, restart, timeout_ms }) {
    if (restart) await restartShell(ctx, shell);
    if (command === undefined || command === '')
      return restart
        ? { ok: true, output: 'The shell was restarted.' }
        : { ok: false, reason: 'bad_arguments', output: 'bash needs a command, or restart: true.' };
    return await shellExec.run(limited(ctx, timeout_ms), { id: shell, command });
  },
  async reattach(ctx, { command, timeout_ms }) {
    const again = shellExec.reattach;
    if (!again || command === undefined)
      return { ok: false, reason: 'interrupted', output: 'Interrupted by a restart of the server.' };
    return await again(limited(ctx, timeout_ms), { id: shell, command });
  },
});

const limited = (ctx: ToolContext, ms: number | undefined): ToolContext =>
  ms === undefined ? ctx : { ...ctx, timeoutMs: Math.min(ms, ctx.timeoutMs) };

const read = defineTool({
  name: 'read',
  family: 'file',
  group: 'file_read',
  label: 'Read',
  description: 'Read a text file, optionally only some of its lines, or see a picture (PNG, JPEG, GIF, WebP).',
  parameters: z.object({
    file_path: filePath,
    view_range: z
      .array(z.int())
      .length(2)
      .optional()
      .describe('first and last line, counted from 1; -1 as the last means to the end'),
  }),
  orderKey: orderByPath,
  async run(ctx, { file_path, view_range }) {
    const [first, last] = view_range ?? [];
    return await fileRead.run(ctx, {
      file: inWorkspace(file_path),
      ...(first !== undefined && { start_line: Math.max(1, first) }),
      ...(last !== undefined && last > 0 && { end_line: last }),
    });
  },
});

const write = defineTool({
  name: 'write',
  family: 'file',
  group: 'file_write',
  label: 'Write',
  description: 'Write a text file. Missing folders are created.',
  parameters: z.object({ file_path: filePath, content: z.string() }),
  orderKey: orderByPath,
  run: (ctx, { file_path, content }) => fileWrite.run(ctx, { file: inWorkspace(file_path), content, append: false }),
});

const edit = defineTool({
  name: 'edit',
  family: 'file',
  group: 'file_edit',
  label: 'Edit',
  description: 'Replace a piece of a text file. Without replace_all it must occur exactly once.',
  parameters: z.object({
    file_path: filePath,
    old_string: z.string().min(1),
    new_string: z.string(),
    replace_all: z.boolean().optional(),
  }),
  orderKey: orderByPath,
  async run(ctx, { file_path, old_string, new_string, replace_all }): Promise<ToolResult> {
    return await editFile(ctx, { path: inWorkspace(file_path), shown: file_path }, (old) => {
      const { text, times } = replaceOccurrences(old, old_string, new_string);
      if (times === 0) {
        return { refused: { ok: false, reason: 'not_found', output: `old_string does not occur in ${file_path}.` } };
      }
      if (times > 1 && !replace_all) {
        const output = `old_string occurs ${times} times in ${file_path}; include more of its surroundings, or set replace_all.`;
        return { refused: { ok: false, reason: 'refused', output } };
      }
      return { now: text, summary: `Replaced ${times} ${times === 1 ? 'piece' : 'pieces'} of ${file_path}.` };
    });
  },
});

const glob = defineTool({
  name: 'glob',
  family: 'file',
  group: 'search',
  label: 'Find',
  description: 'Find files below a folder by their name or relative path.',
  parameters: z.object({
    pattern: z.string().min(1).describe('such as **/*.py'),
    path: z.string().min(1).optional().describe('the folder; default: the working directory'),
  }),
  orderKey: () => null,
  run: (ctx, { pattern, path = '.' }) => fileFindByName.run(ctx, { path: inWorkspace(path), glob: pattern }),
});

const grep = defineTool({
  name: 'grep',
  family: 'file',
  group: 'search',
  label: 'Search in',
  description: 'Find the lines of a file, or of all files below a folder, that match a regular expression.',
  parameters: z.object({ pattern: z.string().min(1), path: z.string().min(1).optional() }),
  orderKey: () => null,
  run: (ctx, { pattern, path = '.' }) => fileFindInContent.run(ctx, { file: inWorkspace(path), regex: pattern }),
});

export const managedAgentsToolset: readonly Tool[] = [bash, read, write, edit, glob, grep];

/** A rule for a backing tool also applies to the toolset tool that it backs. */
export const toolsetBackingTools: Readonly<Record<string, readonly string[]>> = {
  bash: ['shell_exec'],
  read: ['file_read'],
  write: ['file_write'],
  edit: ['file_edit', 'file_str_replace'],
  glob: ['file_find_by_name'],
  grep: ['file_find_in_content'],
};

export const toWorkerTool = ({ reattach: _, ...tool }: Tool): Tool => ({
  ...tool,
  needs: [],
  byClient: 'worker',
  run: async () => ({
    ok: false,
    reason: 'refused',
    output: `${tool.name} was not run: only a worker of the session's environment can run it, and none returned a result.`,
  }),
});

/** Cached, because the agent is read before each turn. */
export const toClientTool = memoizeByKey(({ name, description, parameters }: ClientTool): Tool | UnsupportedTool => {
  const parsed = parseParameters(parameters);
  if (parsed.refused !== undefined) return { tool: name, reason: parsed.refused };
  return {
    name,
    family: 'custom',
    group: 'always',
    label: name,
    ...splitToolDescription(description, parsed.schema),
    restore: parsed.restore,
    needs: [],
    byClient: 'program',
    orderKey: () => null,
    calledIn: {},
    run: async () => ({
      ok: false,
      reason: 'refused',
      output: `${name} was not run: only the program that created this session can run it, and it returned no result.`,
    }),
  };
});

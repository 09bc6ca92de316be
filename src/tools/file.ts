import { z } from 'zod';
import { AppError } from '../core/errors.ts';
import { shownName } from '../core/file-names.ts';
import { bounded } from './output.ts';
import { defineTool, type ToolContext, type ToolResult } from './tool.ts';

const maxBytes = 10 * 1024 * 1024;
const file = z.string().min(1).describe('absolute path below the working directory, or relative to it');

export const fileRead = defineTool({
  name: 'file_read',
  family: 'file',
  description: 'Read a text file, optionally only some of its lines.',
  parameters: z.object({
    file,
    start_line: z.int().min(1).optional().describe('first line, counted from 1'),
    end_line: z.int().min(1).optional().describe('last line'),
  }),
  async run(ctx, { file: path, start_line, end_line }) {
    const text = await textOf(ctx, path);
    if (text === undefined) return binary(path);
    const lines = text.split('\n');
    const wanted =
      start_line === undefined && end_line === undefined
        ? text
        : lines.slice((start_line ?? 1) - 1, end_line).join('\n');
    const output = bounded(wanted);
    const rest = `The file has ${lines.length} lines: read it in parts with start_line and end_line.`;
    return { ok: true, output, content: { content: output, oldContent: null }, rest };
  },
});

export const fileWrite = defineTool({
  name: 'file_write',
  family: 'file',
  description: 'Write a text file, or append to it. Missing folders are made.',
  parameters: z.object({ file, content: z.string(), append: z.boolean().default(false) }),
  async run(ctx, { file: path, content, append }) {
    const old = await textOf(ctx, path).catch(noFile);
    await ctx.sandbox.writeFile(path, content, ctx.signal, { append });
    const now = append ? `${old ?? ''}${content}` : content;
    return {
      ok: true,
      output: `${append ? 'Appended' : 'Wrote'} ${Buffer.byteLength(content)} bytes to ${path}.`,
      content: change(now, old),
    };
  },
});

export const fileReplace = defineTool({
  name: 'file_str_replace',
  family: 'file',
  description: 'Replace a piece of a text file. The piece must occur exactly once.',
  parameters: z.object({ file, old_str: z.string().min(1), new_str: z.string() }),
  async run(ctx, { file: path, old_str, new_str }) {
    const old = await textOf(ctx, path);
    if (old === undefined) return binary(path);
    const pieces = old.split(old_str);
    if (pieces.length === 1) return { ok: false, reason: 'not_found', output: `old_str does not occur in ${path}.` };
    if (pieces.length > 2) {
      const output = `old_str occurs ${pieces.length - 1} times in ${path}; take more of its surroundings.`;
      return { ok: false, reason: 'refused', output };
    }
    const now = pieces.join(new_str);
    await ctx.sandbox.writeFile(path, now, ctx.signal);
    return { ok: true, output: `Replaced one piece of ${path}.`, content: change(now, old) };
  },
});

export const fileFindInContent = defineTool({
  name: 'file_find_in_content',
  family: 'file',
  description: 'Find the lines of a file, or of all files below a folder, that match a regular expression.',
  parameters: z.object({ file, regex: z.string().min(1) }),
  async run(ctx, { file: path, regex }) {
    const { matches, truncated } = await ctx.sandbox.grep(path, regex, ctx.signal);
    return listing(
      matches.map((match) => `${shownName(match.file)}:${match.line}: ${match.content}`),
      truncated,
    );
  },
});

export const fileFindByName = defineTool({
  name: 'file_find_by_name',
  family: 'file',
  description: 'Find files below a folder by their name.',
  parameters: z.object({
    path: z.string().min(1).describe('folder to search'),
    glob: z.string().min(1).describe('such as *.py; with a slash it is matched against the relative path'),
  }),
  async run(ctx, { path, glob }) {
    const { matches, truncated } = await ctx.sandbox.find(path, glob, ctx.signal);
    return listing(matches.map(shownName), truncated);
  },
});

/** Undefined if the bytes are not text. */
async function textOf({ sandbox, signal }: ToolContext, path: string): Promise<string | undefined> {
  const bytes = await sandbox.readFile(path, signal, { maxBytes: maxBytes + 1 });
  if (bytes.length > maxBytes) throw new AppError('payload_too_large', `${path} is over 10 MiB; use a command.`);
  return bytes.includes(0) ? undefined : bytes.toString();
}

// The former content is only shown. A file whose former content cannot be read is still written.
function noFile(thrown: unknown): undefined {
  if (thrown instanceof AppError && (thrown.code === 'file_not_found' || thrown.code === 'payload_too_large')) return;
  throw thrown;
}

const binary = (path: string): ToolResult => ({
  ok: false,
  reason: 'refused',
  output: `${path} is not a text file; look at it with a command.`,
});

const change = (content: string, old: string | undefined) => ({
  content: bounded(content),
  oldContent: old === undefined ? null : bounded(old),
});

function listing(lines: readonly string[], truncated: boolean): ToolResult {
  const output = bounded(lines.length === 0 ? 'Nothing matches.' : lines.join('\n'));
  const rest = 'Ask for something narrower.';
  const whole = truncated ? `${output}\n[… there are more matches. ${rest}]` : output;
  return { ok: true, output: whole, content: { content: whole, oldContent: null }, rest };
}

import { z } from 'zod';
import { toDisplayName } from '../../core/text/file-names.ts';
import { convertLineEndings, replaceOccurrences } from '../../core/text/files/edits.ts';
import { detectPictureType, readPictureSize } from '../../core/text/pictures.ts';
import {
  binaryFileResult,
  decodeText,
  editFile,
  filePathSchema,
  ignoreUnavailableFile,
  readFileBytes,
  readFileText,
  resolveStoredPath,
  toFileChange,
  toFileOrderKey,
  unwritableFileResult,
} from './file-text.ts';
import { truncateOutput } from './output.ts';
import { defineTool, type ToolContext, type ToolResult } from './tool.ts';

export const fileRead = defineTool({
  name: 'file_read',
  family: 'file',
  group: 'file_read',
  label: 'Read',
  description: 'Read a text file, optionally only some of its lines, or see a picture (PNG, JPEG, GIF, WebP).',
  parameters: z.object({
    file: filePathSchema,
    start_line: z.int().min(1).optional().describe('first line, counted from 1'),
    end_line: z.int().min(1).optional().describe('last line'),
  }),
  orderKey: toFileOrderKey,
  calledIn: {
    conversation: ({ file, id: _shell, exec_dir: _dir, ...others }, path) => ({
      name: 'read_file',
      args: { path: path(file), ...others },
    }),
    opencodex: ({ file }, path) => ({ name: 'file_read', args: { path: path(file) } }),
  },
  async run(ctx, { file, start_line, end_line }) {
    const path = await resolveStoredPath(ctx, file);
    const bytes = await readFileBytes(ctx, path);
    const picture = await pictureIn(ctx, path, bytes);
    if (picture) return picture;
    const read = decodeText(bytes, path);
    if (read === undefined) return binaryFileResult(path);
    const text = read.text.toWellFormed();
    const lines = text.split('\n');
    const target =
      start_line === undefined && end_line === undefined
        ? text
        : lines.slice((start_line ?? 1) - 1, end_line).join('\n');
    const output = truncateOutput(target);
    const rest = `The file has ${lines.length} lines: read it in parts with start_line and end_line.`;
    return { ok: true, output, content: { content: output, oldContent: null }, rest };
  },
});

async function pictureIn(ctx: ToolContext, path: string, data: Buffer): Promise<ToolResult | undefined> {
  const mimeType = detectPictureType(data);
  const size = mimeType && readPictureSize(data);
  if (mimeType === undefined || !ctx.keepPicture) return undefined;
  if (!size) return { ok: false, reason: 'refused', output: `${path} is a picture that is cut off or broken.` };
  const kept = await ctx.keepPicture({ mimeType, data });
  if (!kept)
    return { ok: false, reason: 'failed', output: `The server could not keep the picture ${path}. Try again.` };
  const output = `${path} is a picture (${mimeType}, ${size.width} × ${size.height} pixels, ${data.length} bytes).`;
  return { ok: true, output, content: { content: output, oldContent: null }, pictures: [kept] };
}

export const fileWrite = defineTool({
  name: 'file_write',
  family: 'file',
  group: 'file_write',
  label: 'Write',
  description: 'Write a text file, or append to it. Missing folders are created.',
  parameters: z.object({ file: filePathSchema, content: z.string(), append: z.boolean().default(false) }),
  orderKey: toFileOrderKey,
  calledIn: {
    // Marks an append, because a client would otherwise take `content` for the whole file.
    conversation: ({ file, content, append }, path) => ({
      name: 'write_file',
      args: { path: path(file), content, ...(append === true && { append: true }) },
    }),
    opencodex: ({ file, content }, path) => ({ name: 'file_write', args: { path: path(file), content } }),
  },
  async run(ctx, { file, content, append }) {
    const path = await resolveStoredPath(ctx, file);
    const old = await readFileText(ctx, path).catch(ignoreUnavailableFile);
    const added = append && old ? convertLineEndings(old.text, content) : content;
    const bytes = append && old ? old.encode(added) : Buffer.from(added);
    if (old && bytes === undefined) return unwritableFileResult(path, old);
    await ctx.sandbox.writeFile(path, bytes ?? added, ctx.signal, { append });
    const now = append ? `${old?.text ?? ''}${added}` : content;
    return {
      ok: true,
      output: `${append ? 'Appended' : 'Wrote'} ${(bytes ?? added).length} bytes to ${path}.`,
      content: toFileChange(now, old?.text),
    };
  },
});

export const fileReplace = defineTool({
  name: 'file_str_replace',
  family: 'file',
  group: 'file_edit',
  label: 'Edit',
  description: 'Replace a piece of a text file. The piece must occur exactly once.',
  parameters: z.object({ file: filePathSchema, old_str: z.string().min(1), new_str: z.string() }),
  orderKey: toFileOrderKey,
  calledIn: {
    conversation: ({ file, old_str, new_str }, path) => ({
      name: 'edit_file',
      args: { path: path(file), old_str, new_str },
    }),
    opencodex: ({ file, old_str, new_str }, path) => ({
      name: 'file_edit',
      args: { path: path(file), old_string: old_str, new_string: new_str },
    }),
  },
  async run(ctx, { file: path, old_str, new_str }) {
    return await editFile(ctx, { path }, (old) => {
      const { text, times } = replaceOccurrences(old, old_str, new_str);
      if (times === 1) return { now: text, summary: `Replaced one piece of ${path}.` };
      if (times === 0)
        return { refused: { ok: false, reason: 'not_found', output: `old_str does not occur in ${path}.` } };
      const output = `old_str occurs ${times} times in ${path}; include more of its surroundings.`;
      return { refused: { ok: false, reason: 'refused', output } };
    });
  },
});

export const fileFindInContent = defineTool({
  name: 'file_find_in_content',
  family: 'file',
  group: 'search',
  label: 'Search in',
  description: 'Find the lines of a file, or of all files below a folder, that match a regular expression.',
  parameters: z.object({ file: filePathSchema, regex: z.string().min(1) }),
  orderKey: () => null,
  calledIn: {
    conversation: (args) => ({ name: 'grep_search', args }),
    opencodex: ({ file, regex }, path) => ({ name: 'search', args: { pattern: regex, path: path(file) } }),
  },
  async run(ctx, { file: path, regex }) {
    const { matches, truncated } = await ctx.sandbox.grep(path, regex, ctx.signal);
    return listing(
      matches.map((match) => `${toDisplayName(match.file)}:${match.line}: ${match.content}`),
      truncated,
    );
  },
});

export const fileFindByName = defineTool({
  name: 'file_find_by_name',
  family: 'file',
  group: 'search',
  label: 'Find',
  description: 'Find files below a folder by their name.',
  parameters: z.object({
    path: z.string().min(1).describe('folder to search'),
    glob: z.string().min(1).describe('such as *.py; with a slash it is matched against the relative path'),
  }),
  orderKey: () => null,
  calledIn: {
    conversation: (args, path) => ({ name: 'search_files', args: { ...args, path: path(args.path) } }),
    opencodex: (args, path) => ({ name: 'search', args: { pattern: args.glob, path: path(args.path) } }),
  },
  async run(ctx, { path, glob }) {
    const { matches, truncated } = await ctx.sandbox.find(path, glob, ctx.signal);
    return listing(matches.map(toDisplayName), truncated);
  },
});

function listing(lines: readonly string[], truncated: boolean): ToolResult {
  const output = truncateOutput(lines.length === 0 ? 'Nothing matches.' : lines.join('\n'));
  const rest = 'Ask for something narrower.';
  const whole = truncated ? `${output}\n[… there are more matches. ${rest}]` : output;
  return { ok: true, output: whole, content: { content: whole, oldContent: null }, rest };
}

import { posix } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { decodeTextFile, detectUnreadableEncoding, type TextFile } from '../../core/text/files/encoding.ts';
import { truncateOutput } from './output.ts';
import type { ToolContext, ToolResult } from './tool.ts';

const maxBytes = 10 * 1024 * 1024;
export const filePathSchema = z
  .string()
  .min(1)
  .describe('absolute path below the working directory, or relative to it');

/** Uses the base name as the key, because paths to the same file may be relative or absolute. */
export const toFileOrderKey = ({ file: path }: Readonly<Record<string, unknown>>) =>
  typeof path === 'string' ? `file ${posix.basename(path)}` : null;

/** Finds accented names in either Unicode normalization form, because macOS decomposes names. */
export async function resolveStoredPath({ sandbox, signal }: ToolContext, path: string): Promise<string> {
  const found: string[] = [];
  for (const name of path.split('/')) {
    const folder = found.length === 0 ? '.' : found.join('/') || '/';
    const entries = /^[\0-\x7f]*$/.test(name)
      ? []
      : await sandbox.listFiles(folder, signal).catch(ignoreUnavailableFile);
    const names = entries?.map((entry) => entry.name) ?? [];
    const other = names.includes(name) ? undefined : names.find((one) => one.normalize() === name.normalize());
    found.push(other ?? name);
  }
  return found.join('/');
}

export async function readFileBytes({ sandbox, signal }: ToolContext, path: string): Promise<Buffer> {
  const bytes = await sandbox.readFile(path, signal, { maxBytes: maxBytes + 1 });
  if (bytes.length > maxBytes) throw new AppError('payload_too_large', `${path} is larger than 10 MiB; use a command.`);
  return bytes;
}

export const readFileText = async (ctx: ToolContext, path: string) => decodeText(await readFileBytes(ctx, path), path);

/** Undefined if the bytes are not text. Throws invalid_request for an unknown encoding. */
export function decodeText(bytes: Buffer, path: string): TextFile | undefined {
  const text = decodeTextFile(bytes);
  const encoding = text ? undefined : detectUnreadableEncoding(bytes);
  if (encoding)
    throw new AppError('invalid_request', `${path} is ${encoding} text; convert it with a command such as iconv.`);
  return text;
}

export type FileEditResult = { readonly now: string; readonly summary: string } | { readonly refused: ToolResult };

export async function editFile(
  ctx: ToolContext,
  { path: requested, shown = requested }: { readonly path: string; readonly shown?: string },
  edit: (text: string) => FileEditResult,
): Promise<ToolResult> {
  const path = await resolveStoredPath(ctx, requested);
  const old = await readFileText(ctx, path);
  if (old === undefined) return binaryFileResult(shown);
  const edited = edit(old.text);
  const note = old.encoding === 'UTF-8' ? '' : ` The file's encoding is ${old.encoding}.`;
  if ('refused' in edited) return { ...edited.refused, output: `${edited.refused.output}${note}` };
  const bytes = old.encode(edited.now);
  if (bytes === undefined) return unwritableFileResult(shown, old);
  await ctx.sandbox.writeFile(path, bytes, ctx.signal);
  return { ok: true, output: `${edited.summary}${note}`, content: toFileChange(edited.now, old.text) };
}

export const unwritableFileResult = (path: string, { encoding }: TextFile): ToolResult => ({
  ok: false,
  reason: 'refused',
  output:
    `${path} is not UTF-8: its encoding is likely ${encoding}. Only ASCII, and characters that the file already has, ` +
    'can be written to it. Convert it with a command first, such as iconv. Nothing was changed.',
});

// Used by callers that can continue if the file or folder is missing or too large.
export function ignoreUnavailableFile(thrown: unknown): undefined {
  if (thrown instanceof AppError && (thrown.code === 'file_not_found' || thrown.code === 'payload_too_large')) return;
  throw thrown;
}

export const binaryFileResult = (path: string): ToolResult => ({
  ok: false,
  reason: 'refused',
  output: `${path} is not a text file; look at it with a command.`,
});

export const toFileChange = (content: string, old: string | undefined) => ({
  content: truncateOutput(content.toWellFormed()),
  oldContent: old === undefined ? null : truncateOutput(old.toWellFormed()),
});

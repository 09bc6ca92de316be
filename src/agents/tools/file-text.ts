import { posix } from 'node:path';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { boundOutput } from './output.ts';
import type { ToolContext, ToolResult } from './tool.ts';

const maxBytes = 10 * 1024 * 1024;
export const file = z.string().min(1).describe('absolute path below the working directory, or relative to it');

/** By the file's last name, because a path is relative or absolute; two files of one name then only wait for each other. */
export const orderByFile = ({ file: path }: Readonly<Record<string, unknown>>) =>
  typeof path === 'string' ? `file ${posix.basename(path)}` : null;

/** Undefined if the bytes are not text. */
export async function textOf({ sandbox, signal }: ToolContext, path: string): Promise<string | undefined> {
  const bytes = await sandbox.readFile(path, signal, { maxBytes: maxBytes + 1 });
  if (bytes.length > maxBytes) throw new AppError('payload_too_large', `${path} is over 10 MiB; use a command.`);
  return bytes.includes(0) ? undefined : bytes.toString();
}

// The former content is only shown. A file whose former content cannot be read is still written.
export function noFile(thrown: unknown): undefined {
  if (thrown instanceof AppError && (thrown.code === 'file_not_found' || thrown.code === 'payload_too_large')) return;
  throw thrown;
}

export const binary = (path: string): ToolResult => ({
  ok: false,
  reason: 'refused',
  output: `${path} is not a text file; look at it with a command.`,
});

export const change = (content: string, old: string | undefined) => ({
  content: boundOutput(content),
  oldContent: old === undefined ? null : boundOutput(old),
});

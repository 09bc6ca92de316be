import { Mime } from 'mime/lite';
import otherTypes from 'mime/types/other.js';
import standardTypes from 'mime/types/standard.js';
import { detectPictureType, maxPictureBytes } from '../../core/text/pictures.ts';
import type { StoredPicture, ToolContext } from './tool.ts';

const types = new Mime(standardTypes, otherTypes).define(
  {
    'audio/aac': ['aac'],
    'audio/flac': ['flac'],
    'audio/mpeg': ['mp3'],
    'audio/ogg': ['ogg'],
    'audio/opus': ['opus'],
    'image/jpg': ['jpg'],
  },
  true,
);

interface Bytes {
  readonly data: Buffer;
  readonly mimeType: string;
  readonly name: string;
}

export async function saveOutputBytes(
  ctx: ToolContext,
  { data, mimeType, name }: Bytes,
): Promise<{ readonly text: string; readonly picture: StoredPicture | undefined }> {
  const found = detectPictureType(data);
  const path = await saveOutputFile(ctx, `${name}.${types.getExtension(found ?? mimeType) ?? 'bin'}`, data);
  const isShown = found !== undefined && data.length <= maxPictureBytes;
  const picture = isShown ? await ctx.keepPicture?.({ mimeType: found, data }) : undefined;
  return { text: `[${mimeType}, ${data.length} bytes: ${path}]`, picture };
}

export async function saveOutputFile(ctx: ToolContext, name: string, data: string | Uint8Array): Promise<string> {
  const path = `.corral/output/${name}`;
  await ctx.sandbox.writeFile(path, data, ctx.signal);
  return path;
}

export const toOutputFileName = ({ operationId }: Pick<ToolContext, 'operationId'>): string =>
  operationId.replace(/[^A-Za-z0-9_.-]/g, '_').slice(-80);

export const describeOutputFile = (path: string): string => `All of it is in ${path}: read it with file_read.`;

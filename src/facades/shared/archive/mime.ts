import { Mime } from 'mime/lite';
import otherTypes from 'mime/types/other.js';
import standardTypes from 'mime/types/standard.js';

/** Source code that the registered types lack, or would take for something else: `.ts` is also a kind of video. */
const sources = {
  'text/x-typescript': ['ts', 'tsx'],
  'text/x-python': ['py'],
  'text/x-rust': ['rs'],
  'text/x-go': ['go'],
  'application/x-ipynb+json': ['ipynb'],
};
const types = new Mime(standardTypes, otherTypes).define(sources, true);

const anyBytes = 'application/octet-stream';

/** The type that the file's ending names; null when the ending names none, or says only that these are bytes. */
export function mimeType(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const type = dot > 0 ? types.getType(name.slice(dot + 1)) : null;
  return type === anyBytes ? null : type;
}

/** The type of the file for a download. */
export const fileType = (path: string): string => mimeType(path) ?? anyBytes;

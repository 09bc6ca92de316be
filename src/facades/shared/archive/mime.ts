import { Mime } from 'mime/lite';
import otherTypes from 'mime/types/other.js';
import standardTypes from 'mime/types/standard.js';

/** Source file extensions that the registry lacks or assigns to another format (`.ts` to video). */
const sources = {
  'text/x-typescript': ['ts', 'tsx'],
  'text/x-python': ['py'],
  'text/x-rust': ['rs'],
  'text/x-go': ['go'],
  'application/x-ipynb+json': ['ipynb'],
};
const types = new Mime(standardTypes, otherTypes).define(sources, true);

const anyBytes = 'application/octet-stream';

export function findMimeType(path: string): string | null {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const type = dot > 0 ? types.getType(name.slice(dot + 1)) : null;
  return type === anyBytes ? null : type;
}

export const contentTypeOf = (path: string): string => findMimeType(path) ?? anyBytes;

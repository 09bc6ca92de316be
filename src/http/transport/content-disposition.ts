import { posix } from 'node:path';
import { parseSafeName } from '../../core/text/file-names.ts';

/** RFC 6266, with an ASCII name for old clients. */
export function formatAttachmentHeader(path: string): string {
  const name = parseSafeName(posix.basename(path))?.portable ?? 'file';
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_'); // some clients interpret a % as the start of an escape
  const encoded = encodeURIComponent(name).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`;
}

import { posix } from 'node:path';
import { Readable } from 'node:stream';
import type { Clock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import type { FileEntry } from '../../../src/sandboxes/client/client.ts';
import type { Services } from '../../../src/sessions/api/services.ts';

const missing = () => new AppError('file_not_found', 'File not found');

export const fakeFiles = (
  filesOf: (id: SessionId) => Promise<Map<string, Buffer>>,
  clock: Clock,
): Services['files'] => ({
  async list(id, path) {
    const folder = within(path);
    const entries = new Map<string, FileEntry>();
    for (const [name, bytes] of await filesOf(id)) {
      const rest = folder === '' ? name : name.startsWith(`${folder}/`) ? name.slice(folder.length + 1) : undefined;
      const [first = '', ...deeper] = rest?.split('/') ?? [];
      if (first === '') continue;
      const type = deeper.length > 0 ? 'directory' : 'file';
      const size = type === 'file' ? bytes.length : null;
      entries.set(first, { name: first, type, size, modified: new Date(clock.now()).toISOString() });
    }
    if (folder !== '' && entries.size === 0) throw missing();
    return [...entries.values()].sort((a, b) => a.type.localeCompare(b.type) || a.name.localeCompare(b.name));
  },
  async read(id, path) {
    const found = (await filesOf(id)).get(within(path));
    if (!found) throw missing();
    return found;
  },
  async open(id, path) {
    const found = (await filesOf(id)).get(within(path));
    if (!found) throw missing();
    return { size: found.length, content: Readable.from([found], { objectMode: false }) };
  },
  async write(id, path, content) {
    (await filesOf(id)).set(within(path), Buffer.from(content));
  },
  async remove(id, path) {
    if (!(await filesOf(id)).delete(within(path))) throw missing();
  },
  async changes(id) {
    await filesOf(id);
    return {
      since: { runId: 'run-1', at: clock.now() },
      files: [{ path: 'a.txt', change: 'modified', before: 1, after: 2 }],
      truncated: false,
    };
  },
  async before(id, path) {
    await filesOf(id);
    return Buffer.from(`${within(path)} as it was`);
  },
  async find(id, { pattern, types }) {
    const matches = [...(await filesOf(id)).keys()].filter(
      (name) => posix.matchesGlob(posix.basename(name), pattern) && typed(name, types),
    );
    return { matches: matches.sort(), truncated: false };
  },
  async grep(id, { pattern, types }) {
    const matches = [...(await filesOf(id))].flatMap(([file, bytes]) =>
      `${bytes}`.split('\n').flatMap((content, n) => {
        const isMatch = typed(file, types) && new RegExp(pattern).test(content);
        return isMatch ? [{ file, line: n + 1, content: content.trim() }] : [];
      }),
    );
    return { matches, truncated: false };
  },
});

/** The path's name in the flat map; "" is the workspace itself. */
function within(path: string): string {
  const name = posix.normalize(path.replace(/^\/workspace(\/|$)/, '')).replace(/\/$/, '');
  if (name.startsWith('..') || name.startsWith('/'))
    throw new AppError('path_outside', 'Path is outside the workspace');
  return name === '.' ? '' : name;
}

const typed = (name: string, types: readonly string[]) =>
  types.length === 0 || types.some((glob) => posix.matchesGlob(posix.basename(name), glob));

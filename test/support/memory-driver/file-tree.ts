import { posix } from 'node:path';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { FileEntry } from '../../../src/sandboxes/client/client.ts';

interface Node {
  /** Undefined: a folder. */
  content: Buffer | undefined;
  modified: number;
}

/** The workspace of a sandbox that exists only in this process. Paths are absolute and lie below `root`. */
export class FileTree {
  readonly root: string;
  readonly #now: () => number;
  readonly #nodes = new Map<string, Node>();

  constructor(root: string, now: () => number) {
    this.root = root;
    this.#now = now;
    this.#nodes.set(root, { content: undefined, modified: now() });
  }

  /** The absolute path; `from` is the base of a relative one. Rejects: path_outside, invalid_request. */
  locate(path: string, from: string = this.root): string {
    if (path.includes('\0')) throw new AppError('invalid_request', 'A path must not contain a NUL character.');
    const full = posix.resolve(from, path);
    if (full === this.root || full.startsWith(`${this.root}/`)) return full;
    throw new AppError('path_outside', `${path} is outside of the workspace.`);
  }
  relative(full: string): string {
    return posix.relative(this.root, full);
  }
  isFolder(full: string): boolean {
    const node = this.#nodes.get(full);
    return node !== undefined && node.content === undefined;
  }
  exists(full: string): boolean {
    return this.#nodes.has(full);
  }

  read(full: string): Buffer {
    const node = this.#nodes.get(full);
    if (!node) throw new AppError('file_not_found', `There is no file ${this.relative(full)}.`);
    if (!node.content) throw new AppError('invalid_request', `${this.relative(full)} is a folder.`);
    return node.content;
  }
  write(full: string, content: Buffer): void {
    if (this.isFolder(full)) throw new AppError('invalid_request', `${this.relative(full)} is a folder.`);
    this.makeFolder(posix.dirname(full));
    this.#nodes.set(full, { content, modified: this.#now() });
  }
  append(full: string, content: Buffer): void {
    this.write(full, this.exists(full) ? Buffer.concat([this.read(full), content]) : content);
  }
  makeFolder(full: string): void {
    const node = this.#nodes.get(full);
    if (node?.content) throw new AppError('invalid_request', `${this.relative(full)} is not a folder.`);
    if (node) return;
    this.makeFolder(posix.dirname(full));
    this.#nodes.set(full, { content: undefined, modified: this.#now() });
  }
  remove(full: string): void {
    if (full === this.root) throw new AppError('invalid_request', 'The path is the workspace itself.');
    if (!this.exists(full)) throw new AppError('file_not_found', `There is no file ${this.relative(full)}.`);
    for (const path of [...this.#nodes.keys()])
      if (path === full || path.startsWith(`${full}/`)) this.#nodes.delete(path);
  }

  list(full: string): FileEntry[] {
    if (!this.exists(full)) throw new AppError('file_not_found', `There is no file ${this.relative(full)}.`);
    if (!this.isFolder(full)) throw new AppError('invalid_request', `${this.relative(full)} is not a folder.`);
    const entries: FileEntry[] = [];
    for (const [path, { content, modified }] of this.#nodes) {
      if (path === full || posix.dirname(path) !== full) continue;
      const type = content ? 'file' : 'directory';
      const size = content?.length ?? null;
      entries.push({ name: posix.basename(path), type, size, modified: new Date(modified).toISOString() });
    }
    const rank = (entry: FileEntry) => (entry.type === 'directory' ? 0 : 1);
    return entries.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  }

  /** All files at or below the path, in path order, without the folders that a search skips. */
  *below(full: string): Generator<{ path: string; content: Buffer }> {
    const skipped = /(^|\/)(\.git|node_modules|\.corral|\.agent_logs)\//;
    for (const path of [...this.#nodes.keys()].sort()) {
      const content = this.#nodes.get(path)?.content;
      if (!content || (path !== full && !path.startsWith(`${full}/`))) continue;
      if (!skipped.test(this.relative(path))) yield { path, content };
    }
  }
}

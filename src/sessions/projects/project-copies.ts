import { z } from 'zod';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { UploadedFile, UploadService } from './uploads.ts';

interface Deps extends Pick<ServerDependencies, 'records' | 'warn'> {
  readonly uploads: Pick<UploadService, 'ofProject' | 'open'>;
}
interface CopyTarget {
  readonly id: SessionId;
  readonly projectId: string | null;
}
const Copies = z.record(z.string(), z.string());
type Copies = z.infer<typeof Copies>;

export const projectFilesFolder = 'project_files';
const kind = 'project-copies'; // one record per session, deleted with the session

export class ProjectFileSync extends ServerComponent<Deps> {
  readonly #turns = createKeyedQueue();
  /** The files last copied through each client. A new sandbox has a new client. */
  readonly #known = new WeakMap<SandboxClient, string>();

  async sync(place: CopyTarget, client: SandboxClient, signal: AbortSignal): Promise<void> {
    const { projectId } = place;
    if (projectId === null) return;
    const requested = await this.deps.uploads.ofProject(projectId);
    const mark = requested.map(({ id }) => id).join();
    if (this.#known.get(client) === mark) return;
    await this.#turns(place.id, async () => {
      if (await this.#bring(place.id, requested, { client, signal })) this.#known.set(client, mark);
    });
  }

  /** False if a file could not be copied. The next use retries. */
  async #bring(id: SessionId, requested: readonly UploadedFile[], at: SandboxCall): Promise<boolean> {
    const { records } = this.deps;
    const copies = Copies.parse((await records.get(kind, id))?.doc ?? {});
    const present = await namesIn(at);
    const next: Copies = {};
    let whole = true;
    for (const file of requested) {
      const isThere = copies[file.name] === file.id && present.has(file.name);
      const brought = isThere || (await this.#try(id, file.name, () => this.#copy(file, at)));
      if (brought) next[file.name] = file.id;
      else whole = false;
    }
    const names = new Set(requested.map(({ name }) => name));
    for (const name of Object.keys(copies)) {
      if (names.has(name) || !present.has(name)) continue;
      await this.#try(id, name, () => at.client.removeFile(`${projectFilesFolder}/${name}`, at.signal));
    }
    await records.put({ kind, id, doc: next });
    return whole;
  }

  async #copy(file: UploadedFile, { client, signal }: SandboxCall): Promise<void> {
    const content = Buffer.concat((await (await this.deps.uploads.open(file.id)).toArray({ signal })) as Buffer[]);
    await client.writeFile(`${projectFilesFolder}/${file.name}`, content, signal);
  }

  async #try(session: SessionId, name: string, work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      if (!(thrown instanceof AppError) || !perFileErrors.has(thrown.code)) throw thrown;
      this.deps.warn({ session, file: name, err: thrown }, "a project's file could not be copied into a workspace");
      return false;
    }
  }
}
interface SandboxCall {
  readonly client: SandboxClient;
  readonly signal: AbortSignal;
}
/** Errors that affect a single file. Any other error aborts the whole operation. */
const perFileErrors = new Set(['file_not_found', 'invalid_request', 'path_outside', 'conflict', 'payload_too_large']);

async function namesIn({ client, signal }: SandboxCall): Promise<Pick<ReadonlySet<string>, 'has'>> {
  try {
    return new Set((await client.listFiles(projectFilesFolder, signal)).map(({ name }) => name));
  } catch (thrown) {
    if (thrown instanceof AppError && (thrown.code === 'file_not_found' || thrown.code === 'invalid_request')) {
      return new Set();
    }
    // The folder is too large to list, so the copies are assumed to exist.
    if (thrown instanceof AppError && thrown.code === 'payload_too_large') return { has: () => true };
    throw thrown;
  }
}

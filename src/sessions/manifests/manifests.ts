import { z } from 'zod';
import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { workspaceManifestKind } from '../../core/model/records.ts';
import type { WorkspaceDamage } from '../../core/model/sandboxes/files-damaged.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { CopyStore } from '../forks/copies.ts';
import type { SessionFileCopier } from '../forks/snapshots.ts';
import type { WorkspaceArchiver } from '../forks/workspace-archive.ts';
import type { LiveSession } from '../run/live-session.ts';
import { findDamagedPaths, parseManifest, serializeManifest, type WorkspaceManifest } from './manifest.ts';
import type { WorkspaceFileOps } from './workspace-files.ts';

interface FoundDamage {
  /** Number of missing or changed paths. Null if the manifest's list is also damaged. */
  readonly damaged: number | null;
  /** When the manifest was written, in epoch ms. */
  readonly seenAt: number;
  readonly copy: WorkspaceDamage['copy'];
  readonly aside: string | null;
  /** Missing or changed paths. Undefined if the paths are unknown. */
  readonly lost: readonly string[] | undefined;
}
const named = 20;
const shown = 5;
const pathChars = 200;

function damageText({ damaged, seenAt, copy, aside, lost: paths }: FoundDamage): WorkspaceDamage {
  const lost = paths?.map(shownPath);
  const files = damaged === null ? 'Files' : damaged === 1 ? 'A file' : `${damaged} files`;
  const found = `${files} of the sandbox changed or went missing after it ended at ${time(seenAt)}.`;
  const place = copy
    ? `The copy ${copy.at === null ? `from place ${copy.seq} of the log` : `of ${time(copy.at)}`} replaced all files.`
    : 'There is no complete copy, so the files are used as they are.';
  const kept = aside === null ? '' : ` The damaged ones are in the folder ${aside}.`;
  return {
    copy,
    lost: lost?.slice(0, named) ?? [],
    lostCount: lost?.length ?? null,
    aside,
    detail: `${found} ${place} ${lossText(copy !== null, lost)}${kept}`,
  };
}

function lossText(isReplaced: boolean, lost: readonly string[] | undefined): string {
  if (!lost) return 'The server cannot tell which ones differ, because their list is damaged too.';
  if (lost.length === 0) return 'Nothing is lost.';
  const names = lost.slice(0, shown).join(', ') + (lost.length > shown ? ', …' : '');
  return isReplaced ? `Missing or older now: ${names}.` : `Damaged: ${names}.`;
}

function unchecked(thrown: unknown): WorkspaceDamage {
  const why = toAppError(thrown).publicMessage;
  const detail = `The files could not be compared with their state when the sandbox ended, and are used as they are. ${why}`;
  return { copy: null, lost: [], lostCount: null, aside: null, detail };
}

// Replaces control characters, because file names come from the sandbox.
const shownPath = (path: string) => truncateEnd(path.replaceAll(/\p{C}/gu, '?'), pathChars);
const time = (at: number) => new Date(at).toISOString();

const rounds = 5;

/** Resolves with false if some processes remain. */
async function endProcesses(client: SandboxClient, signal: AbortSignal): Promise<boolean> {
  // the daemon would restart killed desktop processes; without a desktop, the call fails
  await client.desktop.stop(signal).catch(() => {});
  for (let left = rounds; left > 0; left--) {
    const all = await client.processes(signal);
    if (all.length === 0) return true;
    // Ignores processes that have already ended. The next round finds any that remain.
    await Promise.all(all.map(({ pid }) => client.signalProcess(pid, 'SIGKILL', signal).catch(() => {})));
  }
  return false;
}

interface Deps extends Pick<ServerDependencies, 'clock' | 'newId' | 'records' | 'warn'> {
  readonly copies: CopyStore;
  readonly snapshots: Pick<SessionFileCopier, 'copyAtRest' | 'newestWhole'>;
  readonly archive: Pick<WorkspaceArchiver, 'unpack'>;
  readonly files: WorkspaceFileOps;
}
const Repair = z.object({
  stage: z.enum(['moving', 'unpacking']),
  aside: z.string(),
  blob: z.string(),
  seq: z.int(),
  at: z.number().nullable(),
  damaged: z.int().nullable(),
});
type Repair = z.infer<typeof Repair>;
const StoredManifest = z.object({
  at: z.number(),
  seq: z.int(),
  digest: z.string(),
  files: z.int(),
  bytes: z.int(),
  /** `list` is the blob that contains the entries, and `sha256` is its hash. */
  list: z.string(),
  sha256: z.string(),
  repair: Repair.optional(),
});
type StoredManifest = z.infer<typeof StoredManifest>;

const repairMs = 600_000;
const listBytes = 256 * 1024 * 1024;
/** Errors after which the files are checked again when the sandbox next starts. */
const passing: ReadonlySet<string> = new Set([
  ...['sandbox_lost', 'cancelled', 'sandbox_not_found', 'sandbox_unresponsive', 'sandbox_untrusted'],
]);

/** Hashes files when a sandbox ends and checks them before reuse. On damage, restores the newest complete copy. */
export class WorkspaceIntegrity extends ServerComponent<Deps> {
  async write(live: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void> {
    const { id } = live;
    const { clock, snapshots, files, copies, newId } = this.deps;
    await this.forget(id);
    const isQuiet = await endProcesses(client, signal);
    await client.exec({ command: 'sync -f .' }, signal); // prevents data loss from a power cut after the pause
    if (!isQuiet) throw new AppError('conflict', 'Processes are still running, so files can change.');
    const manifest = await files.list(client, `manifest-${newId()}`, signal);
    await failpoint('manifest.list.after');
    await snapshots.copyAtRest(live, client, signal).catch((thrown: unknown) => {
      if (passing.has(toAppError(thrown).code)) throw thrown;
      this.#warn(id, thrown, 'files were not copied');
    });
    await failpoint('manifest.copy.after');
    const place = copies.placeOf(id);
    const { sha256 } = await copies.add(place, asStream(serializeManifest(manifest)), { maxBytes: listBytes, signal });
    await failpoint('manifest.put.after');
    const { digest, files: count, bytes } = manifest;
    await this.#put(id, {
      at: clock.now(),
      seq: live.writer.head,
      digest,
      files: count,
      bytes,
      list: place.blob,
      sha256,
    });
    await failpoint('manifest.record.after');
  }

  async check(live: LiveSession, client: SandboxClient, outer: AbortSignal): Promise<void> {
    const manifest = await this.#get(live.id);
    if (!manifest) return;
    using until = createTimeoutSignal(repairMs, this.deps.clock, outer);
    const damage = await this.#repaired(live.id, client, manifest, until.signal).catch((thrown: unknown) => {
      if (outer.aborted || passing.has(toAppError(thrown).code)) throw thrown;
      this.#warn(live.id, thrown, 'files could not be compared with their manifest');
      return unchecked(thrown);
    });
    if (damage) {
      this.deps.warn({ session: live.id }, damage.detail);
      const filesDamaged = { ...damage, at: this.deps.clock.now() };
      await live.writer.amend({ filesDamaged }, [{ type: 'sandbox.files_damaged', runId: null, data: damage }]);
    }
    await failpoint('manifest.check.after');
    await this.forget(live.id);
  }

  /** Call before the session's files can be used or removed. */
  async forget(id: SessionId): Promise<void> {
    const manifest = await this.#get(id);
    if (!manifest) return;
    await this.deps.records.delete(workspaceManifestKind, id);
    await this.deps.copies.drop({ holder: id, blob: manifest.list });
  }

  async #repaired(
    id: SessionId,
    client: SandboxClient,
    manifest: StoredManifest,
    signal: AbortSignal,
  ): Promise<WorkspaceDamage | undefined> {
    const { files, newId } = this.deps;
    const before = await this.#entries(manifest);
    const repair = manifest.repair ?? (await this.#damage(id, client, { manifest, before }, signal));
    if (!repair) return undefined;
    const { seenAt, ...found } = { seenAt: manifest.at, damaged: repair.damaged };
    if (!('blob' in repair)) return damageText({ ...found, seenAt, copy: null, aside: null, lost: repair.paths });
    await this.#repair(id, client, { manifest, repair }, signal);
    const after = await files.list(client, `manifest-${newId()}`, signal);
    const { seq, at, aside } = repair;
    const lost = before && findDamagedPaths(before, after.entries);
    return damageText({ ...found, seenAt, copy: { seq, at }, aside: after.entries.has(aside) ? aside : null, lost });
  }

  /** Resolves with undefined if the files are intact. */
  async #damage(
    id: SessionId,
    client: SandboxClient,
    {
      manifest,
      before,
    }: { readonly manifest: StoredManifest; readonly before: WorkspaceManifest['entries'] | undefined },
    signal: AbortSignal,
  ): Promise<Repair | (Pick<FoundDamage, 'damaged'> & { readonly paths: readonly string[] | undefined }) | undefined> {
    const { files, newId, snapshots, clock } = this.deps;
    const now = await files.list(client, `manifest-${newId()}`, signal);
    if (now.digest === manifest.digest) return undefined;
    const paths = before && findDamagedPaths(before, now.entries);
    if (paths?.length === 0) return undefined;
    const copy = await snapshots.newestWhole(id);
    if (!copy) return { damaged: paths?.length ?? null, paths };
    const aside = `damaged-${new Date(clock.now()).toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
    const { blob, seq, at = null } = copy;
    return { stage: 'moving', aside, blob, seq, at, damaged: paths?.length ?? null };
  }

  /** Starts or continues a repair. Existing files are moved aside, not deleted. */
  async #repair(
    id: SessionId,
    client: SandboxClient,
    { manifest, repair }: { readonly manifest: StoredManifest; readonly repair: Repair },
    signal: AbortSignal,
  ): Promise<void> {
    const { files, newId, archive, copies } = this.deps;
    const aside = { name: `aside-${newId()}`, folder: repair.aside };
    if (repair.stage === 'moving') {
      await this.#put(id, { ...manifest, repair });
      await failpoint('manifest.repair.before');
      await files.moveAside(client, aside, signal);
      await failpoint('manifest.aside.after');
      await this.#put(id, { ...manifest, repair: { ...repair, stage: 'unpacking' } });
    } else await files.clearBeside(client, aside, signal);
    await archive.unpack(client, { name: `restore-${newId()}`, content: await copies.open(repair.blob) }, signal);
    await failpoint('manifest.unpack.after');
  }

  /** Resolves with undefined if the list is damaged. */
  async #entries({ list, sha256 }: StoredManifest): Promise<WorkspaceManifest['entries'] | undefined> {
    const { copies } = this.deps;
    if (!(await copies.isWhole({ blob: list, sha256 }))) return undefined;
    return parseManifest(Buffer.concat(await Array.fromAsync(await copies.open(list))));
  }

  async #get(id: SessionId): Promise<StoredManifest | undefined> {
    const found = await this.deps.records.get(workspaceManifestKind, id);
    return found && StoredManifest.parse(found.doc);
  }

  async #put(id: SessionId, doc: StoredManifest): Promise<void> {
    await this.deps.records.put({ kind: workspaceManifestKind, id, doc });
  }

  #warn(id: SessionId, err: unknown, text: string): void {
    this.deps.warn({ session: id, err }, text);
  }
}

async function* asStream(pieces: Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

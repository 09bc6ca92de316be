import type { RecordStore } from '../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { IdSource, SessionId } from '../../core/model/ids.ts';
import { type PortService, PreviewView } from '../api/ports.ts';
import type { SandboxAccess } from '../engine/sandbox/sandbox-access.ts';
import { assertPortExposable, type PortExposurePolicy } from './sandbox-interior.ts';

interface Deps extends PortExposurePolicy, Pick<ServerDependencies, 'clock' | 'records'> {
  readonly sandboxes: Pick<SandboxAccess, 'use' | 'look'>;
  readonly ids: Pick<IdSource, 'short'>;
  /** Rejects with session_not_found. */
  readonly known: (id: SessionId) => Promise<unknown>;
}
/** Ids are `<session>:<preview>`, so that previews are removed with their session. */
const kind = 'preview';
const Stored = PreviewView.omit({ id: true });
const maxPreviews = 100;

export async function deletePreviews(records: RecordStore, id: SessionId): Promise<void> {
  for (const { id: name } of await records.list(kind, { idPrefix: `${id}:` })) await records.delete(kind, name);
}

export function createPortService({ records, sandboxes, clock, ids, known, ...rules }: Deps): PortService {
  const toView = (name: string, doc: unknown): PreviewView => ({ id: name.slice(17), ...Stored.parse(doc) });
  const all = async (id: SessionId) =>
    (await records.list(kind, { idPrefix: `${id}:` })).map(({ id: name, doc }) => toView(name, doc));
  const remove = (id: SessionId, preview: string) => records.delete(kind, `${id}:${preview}`);

  return {
    async list(id, signal) {
      await known(id);
      if (rules.isOwnMachine) return [];
      const client = await sandboxes.look(id, signal);
      const ports = client ? await client.ports.list(signal) : [];
      return ports.filter(({ port }) => !rules.closedPorts.has(port));
    },
    async open(id, { of, folder, lifeMs, key }) {
      await known(id);
      if (of !== 'files') assertPortExposable(of, rules);
      const now = clock.now();
      const previews = await all(id);
      const over = previews.filter(({ expiresAt }) => expiresAt <= now);
      for (const one of over) await remove(id, one.id);
      if (previews.length - over.length >= maxPreviews)
        throw new AppError('conflict', `The session already has ${maxPreviews} previews. Close some first.`);
      const only = { ...(folder !== undefined && { folder }), ...(key !== undefined && { key }) };
      const doc = { of, createdAt: now, expiresAt: now + lifeMs, ...only };
      const name = `${id}:${ids.short()}`;
      await records.put({ kind, id: name, doc, sort: now });
      return toView(name, doc);
    },
    async opened(id) {
      await known(id);
      return (await all(id)).filter(({ expiresAt }) => expiresAt > clock.now());
    },
    async close(id, preview) {
      await known(id);
      await remove(id, preview);
    },
    async connect(id, port, signal) {
      await known(id);
      assertPortExposable(port, rules);
      if (!(await sandboxes.look(id, signal)))
        throw new AppError(
          'sandbox_not_found',
          'The sandbox is not running, so nothing responds. A task or a command starts it.',
        );
      const used = await sandboxes.use(id, signal);
      const done = () => void used[Symbol.asyncDispose]();
      try {
        return (await used.client.ports.connect(port, signal)).once('close', done);
      } catch (thrown) {
        done();
        throw thrown;
      }
    },
  };
}

import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { Action } from '../api/rules.ts';
import type { MemoryHolder, MemoryService, NamedMemory } from '../api/server/memory.ts';
import { authorize } from './authorize.ts';

interface Deps {
  readonly principalOf: () => Principal;
  /** Rejects when the principal may not do this with the project. */
  readonly ofProject: (id: string, action: Action) => Promise<void> | undefined;
}
const nobody = () => new AppError('not_found', 'There is no such person.');

/** People read and change their own notes, and those of projects that they own. */
export function guardedMemory(memory: MemoryService, { principalOf, ofProject }: Deps): MemoryService {
  async function allowed({ of, id }: NamedMemory, action: Action): Promise<MemoryHolder> {
    const principal = principalOf();
    if (of === 'project') {
      if (id === undefined) throw new AppError('invalid_request', 'Name the project by its id.');
      await ofProject(id, action);
      return { of, id };
    }
    const own = id ?? principal.owner ?? '';
    authorize(principal, action, own === '' ? {} : { owner: own }, nobody);
    return { of, id: own };
  }
  const sees = async (holder: MemoryHolder): Promise<boolean> =>
    await allowed(holder, 'read').then(
      () => true,
      (thrown: unknown) => {
        if (['not_found', 'forbidden'].includes(toAppError(thrown).code)) return false;
        throw thrown;
      },
    );
  const by = () => principalOf().owner;

  return {
    async list() {
      if (principalOf().role === 'admin') return await memory.list();
      const all = await memory.list();
      const seen = await Promise.all(all.map(sees));
      return all.filter((_, n) => seen[n]);
    },
    notes: async (holder) => await memory.notes(await allowed(holder, 'read')),
    read: async (holder, path, version) => await memory.read(await allowed(holder, 'read'), path, version),
    write: async (holder, note) => await memory.write(await allowed(holder, 'work'), note, by()),
    delete: async (holder, path) => await memory.delete(await allowed(holder, 'work'), path, by()),
    history: async (holder, path) => await memory.history(await allowed(holder, 'read'), path),
    undo: async (holder, path, to) => await memory.undo(await allowed(holder, 'work'), path, to, by()),
    redact: async (holder, path, version) => await memory.redact(await allowed(holder, 'work'), path, version, by()),
  };
}

import { AppError } from '../../core/errors/errors.ts';
import {
  type MemoryOwner,
  type MemoryOwnerRef,
  type MemoryService,
  type MemorySummary,
  memoryHolderKinds,
} from '../api/server/memory.ts';
import type { NoteStore } from './notes.ts';

interface Deps {
  readonly notes: NoteStore;
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projects: () => Promise<ReadonlyMap<string, string>>;
  readonly count: (action: 'write' | 'delete' | 'undo' | 'redact') => void;
}

export function createMemoryService({ notes, people, projects, count }: Deps): MemoryService {
  const namesOf = (of: MemoryOwner['of']) => (of === 'person' ? people() : projects());

  async function known({ of, id = '' }: MemoryOwnerRef): Promise<MemoryOwner> {
    if (of === 'person' && id === '') return { of, id };
    if ((await namesOf(of)).has(id)) return { of, id };
    // A person whose API keys were deleted can still have notes.
    if (of === 'person' && (await notes.holders([{ of, id }])).size > 0) return { of, id };
    throw new AppError('not_found', `There is no such ${of}.`);
  }
  const person = (id: string | undefined) => ({ kind: 'person' as const, id: id ?? '' });
  async function counted<Answer>(action: Parameters<Deps['count']>[0], work: Promise<Answer>): Promise<Answer> {
    const answer = await work;
    count(action);
    return answer;
  }

  return {
    async list(sees) {
      const named = await Promise.all(
        memoryHolderKinds.map(async (of) => [...(await namesOf(of))].map(([id, name]) => ({ of, id, name }))),
      );
      const all = [{ of: 'person' as const, id: '', name: '' }, ...named.flat()];
      const isSeen = sees && (await Promise.all(all.map(sees)));
      const holders = isSeen ? all.filter((_, n) => isSeen[n]) : all;
      const written = await notes.holders(isSeen && holders);
      const known = new Set(holders.map(({ of, id }) => `${of}:${id}`));
      const keyless = [...written.keys()].filter((key) => key.startsWith('person:') && !known.has(key));
      for (const key of keyless) holders.push({ of: 'person', id: key.slice('person:'.length), name: '' });
      return holders.map((holder): MemorySummary => {
        const { notes: count = 0, size = 0, updatedAt = null } = written.get(`${holder.of}:${holder.id}`) ?? {};
        return { ...holder, notes: count, size, maxSize: notes.limits.maxBytes, updatedAt };
      });
    },
    notes: async (holder) => await notes.list(await known(holder)),
    read: async (holder, path, version) => await notes.read(await known(holder), path, version),
    write: async (holder, note, by) => await counted('write', notes.write(await known(holder), note, person(by))),
    delete: async (holder, path, by) => await counted('delete', notes.delete(await known(holder), path, person(by))),
    history: async (holder, path) => await notes.history(await known(holder), path),
    undo: async (holder, path, to, by) => await counted('undo', notes.undo(await known(holder), path, to, person(by))),
    redact: async (holder, path, version, by) =>
      await counted('redact', notes.redact(await known(holder), { path, version }, by ?? '')),
  };
}

import { UsageError } from './exit-codes.ts';

interface NamedThing {
  readonly id: string;
  readonly name: string;
}

/** Finds an item of this kind by its id, its name, or the beginning of its id. Throws: UsageError. */
export function findNamed<Thing extends NamedThing>(kind: string, all: readonly Thing[], word: string): Thing {
  const named = all.filter(({ id, name }) => id === word || name === word);
  const found = named.length > 0 ? named : all.filter(({ id }) => word.length >= 4 && id.startsWith(word));
  const [only] = found;
  if (only && found.length === 1) return only;
  throw new UsageError(
    found.length === 0
      ? `There is no ${kind} ${word}. See: corral ${kind} ls`
      : `${found.length} ${kind}s are called ${word}. Name one by its id: ${found.map(({ id }) => id).join(', ')}`,
  );
}

import { toAppError } from '../../core/errors/errors.ts';
import type { FilesDamage } from '../../core/model/sandboxes/files-damaged.ts';
import { beginningOf } from '../../core/text/text.ts';

export interface FoundDamage {
  /** The number of entries that are missing or altered; null: unknown, because the manifest's list is damaged too. */
  readonly damaged: number | null;
  /** When the manifest was written, epoch ms. */
  readonly seenAt: number;
  readonly copy: FilesDamage['copy'];
  readonly aside: string | null;
  /** The paths that are gone or older now; undefined: unknown. */
  readonly lost: readonly string[] | undefined;
}
const named = 20;
const shown = 5;
const pathChars = 200;

/** The damage as the log and every surface tell it. */
export function damageText({ damaged, seenAt, copy, aside, lost: paths }: FoundDamage): FilesDamage {
  const lost = paths?.map(shownPath);
  const files = damaged === null ? 'Files' : damaged === 1 ? 'A file' : `${damaged} files`;
  const found = `${files} of the sandbox changed or went missing after it was ended at ${time(seenAt)}.`;
  const place = copy
    ? `The copy ${copy.at === null ? `from place ${copy.seq} of the log` : `of ${time(copy.at)}`} took the place of all files.`
    : 'There is no whole copy, so the files are used as they are.';
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
  return isReplaced ? `Gone or older now: ${names}.` : `Damaged: ${names}.`;
}

/** The files are used although nobody knows whether they are whole. */
export function unchecked(thrown: unknown): FilesDamage {
  const why = toAppError(thrown).publicMessage;
  const detail = `The files could not be compared with what they were when the sandbox ended, and are used as they are. ${why}`;
  return { copy: null, lost: [], lostCount: null, aside: null, detail };
}

// A sandbox chooses the names of its files, and many surfaces show this text.
const shownPath = (path: string) => beginningOf(path.replaceAll(/\p{C}/gu, '?'), pathChars);
const time = (at: number) => new Date(at).toISOString();

import type { Message } from '../../../agents/models/model.ts';
import { createListFold } from '../../../core/text/list-fold.ts';
import { countMessageBytes } from './meter.ts';
import { type Compaction, computeModelView, type IndexedMessage } from './view.ts';

export interface CompactionSizes {
  readonly results: number;
  readonly tail: number;
  readonly user: number;
}
export type PlannedCompaction = Omit<Compaction, 'before' | 'after'>;

/** `most`: maximum number of characters kept from each of the newest results. */
export function planResultRemoval(
  messages: readonly Message[],
  { results }: CompactionSizes,
  most?: number,
): PlannedCompaction {
  let left = results;
  let upto = messages.length;
  for (let at = messages.length - 1; at >= 0; at--) {
    const message = messages[at] as Message;
    if (message.role === 'tool') left -= Math.min(countMessageBytes(message), most ?? Number.POSITIVE_INFINITY);
    if (left < 0) break;
    upto = at;
  }
  return { kind: 'results', upto, until: messages.length, ...(most !== undefined && { most }) };
}

export function planResultLimit(
  messages: readonly Message[],
  compactions: readonly Compaction[],
  most: number | undefined,
): PlannedCompaction | undefined {
  if (most === undefined || compactions.some((one) => one.until === forAll && (one.most ?? 0) <= most))
    return undefined;
  return longestResult(messages) > most ? { kind: 'results', upto: 0, until: forAll, most } : undefined;
}
const forAll = Number.MAX_SAFE_INTEGER;
const longestResult = createListFold(0, (most, message: Message) =>
  message.role === 'tool' ? Math.max(most, message.output.length) : most,
);

const maxPictures = 12;
const picturesKept = 3;

export function planPictureRemoval(
  messages: readonly Message[],
  seen: readonly IndexedMessage[],
): PlannedCompaction | undefined {
  const places = picturePlaces(seen);
  if (places.length <= maxPictures) return undefined;
  return { kind: 'pictures', upto: places.at(-picturesKept) ?? 0, until: messages.length };
}

const picturePlaces = createListFold<IndexedMessage, readonly number[]>([], (places, { at, message }) =>
  message.role !== 'assistant' && message.pictures ? [...places, at] : places,
);

/** Cuts so that no call is separated from its result. */
export function planSummary(
  messages: readonly Message[],
  seen: readonly IndexedMessage[],
  room: CompactionSizes,
): PlannedCompaction {
  let left = room.tail;
  let upto = messages.length;
  for (const { at, message } of seen.toReversed()) {
    left -= countMessageBytes(message);
    if (left < 0) break;
    if (message.role !== 'tool') upto = at;
  }
  // The user's newest messages follow the summary, if they fit.
  const last = messages.findLastIndex(({ role }) => role === 'assistant' || role === 'tool') + 1;
  const fits = messages.slice(last).reduce((sum, message) => sum + countMessageBytes(message), 0) <= room.tail;
  return { kind: 'summary', upto: fits ? Math.min(upto, last) : upto, until: messages.length, userChars: room.user };
}

export function buildFallbackSummary(messages: readonly Message[], upto: number, why = ''): string {
  const calls = messages.slice(0, upto).flatMap((message) => (message.role === 'assistant' ? message.calls : []));
  const counts = new Map<string, number>();
  for (const { name } of calls) counts.set(name, (counts.get(name) ?? 0) + 1);
  const named = [...counts].map(([name, count]) => `${name} ${count}×`).join(', ') || 'none';
  const reply = messages.slice(0, upto).findLast((message) => message.role === 'assistant' && message.text !== '');
  const words = reply?.role === 'assistant' ? `\nYour last words before: ${reply.text.slice(0, 1_000)}` : '';
  return `No summary could be made. ${why}${why && ' '}Calls so far: ${named}. Look at the files before you repeat work.${words}`;
}

export const countBytesAfterCompaction = (
  messages: readonly Message[],
  compactions: readonly Compaction[],
  plannedCompaction: PlannedCompaction,
): number =>
  computeModelView(messages, [...compactions, { ...plannedCompaction, before: 0, after: 0 }]).reduce(
    (sum, { message }) => sum + countMessageBytes(message),
    0,
  );

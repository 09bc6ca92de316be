import { z } from 'zod';
import type { Message } from '../../../agents/models/model.ts';
import { truncateEnd, truncateStart } from '../../../core/text/text.ts';

/**
 * A compaction of what the model sees; the conversation itself is unchanged. `upto` and `until` are positions in the conversation.
 *
 * - `results`: before `upto`, each tool result is replaced by a reference to the whole result, and images are removed.
 * Results from `upto` to `until` are cut to `most` characters, if set.
 * - `pictures`: images before `upto` are replaced by a line that states how many there were.
 * - `summary`, `cut`: everything before `upto` is replaced by the user's own messages and `summary`. The model writes the
 * text of a `summary`; the server writes the text of a `cut`.
 */
export const Compaction = z.object({
  kind: z.enum(['results', 'pictures', 'summary', 'cut']),
  upto: z.int(),
  until: z.int(),
  /** Estimated tokens of a request, before and after. */
  before: z.int(),
  after: z.int(),
  most: z.int().optional(),
  summary: z.string().optional(),
  /** Maximum total number of characters kept from the user's messages before `upto`. */
  userChars: z.int().optional(),
});
export type Compaction = z.infer<typeof Compaction>;

export interface IndexedMessage {
  readonly message: Message;
  readonly at: number;
}

export const createShortResultsCompaction = (upto: number, most: number): Compaction => ({
  kind: 'results',
  upto: 0,
  until: upto,
  most,
  before: 0,
  after: 0,
});

const worthCutting = 400; // characters: replacing a shorter result saves nothing

/** Until the next compaction, each view extends the previous one. */
export function computeModelView(
  messages: readonly Message[],
  compactions: readonly Compaction[],
): readonly IndexedMessage[] {
  const { head, from, show } = applyCompactions(messages, compactions);
  return [...head, ...messages.slice(from).map((message, n) => show(message, from + n))];
}

interface View {
  readonly head: readonly IndexedMessage[];
  readonly from: number;
  show(message: Message, at: number): IndexedMessage;
}

export function applyCompactions(messages: readonly Message[], compactions: readonly Compaction[]): View {
  const summary = compactions.findLast(({ kind }) => kind === 'summary' || kind === 'cut');
  const from = summary?.upto ?? 0;
  const masks = compactions.filter(({ kind }) => kind === 'results');
  const gone = Math.max(0, ...masks.map(({ upto }) => upto));
  const unseen = Math.max(0, ...compactions.filter(hidesPictures).map(({ upto }) => upto));
  const masked = Math.max(unseen, gone, ...masks.map(({ until }) => until));
  const show = (message: Message, at: number): IndexedMessage => {
    if (at >= masked) return { at, message };
    const most = at < gone ? 0 : maxOf(masks, at);
    return { at, message: shortened(message, { most, withoutPictures: at < unseen }) };
  };
  const head = summary ? [...kept(messages.slice(0, from), summary.userChars ?? 0), summed(summary)] : [];
  return { head, from, show };
}

interface Shape {
  readonly most: number;
  readonly withoutPictures: boolean;
}
const lastShapes = new WeakMap<Message, Shape & { readonly made: Message }>();

/** Returns the same object while the shape is unchanged, because size and hash are cached per message object. */
function shortened(message: Message, { most, withoutPictures: bare }: Shape): Message {
  const last = lastShapes.get(message);
  if (last?.most === most && last.withoutPictures === bare) return last.made;
  const created = shown(bare ? withoutPictures(message) : message, most);
  lastShapes.set(message, { most, withoutPictures: bare, made: created });
  return created;
}

const hidesPictures = ({ kind }: Compaction) => kind === 'results' || kind === 'pictures';
const maxOf = (masks: readonly Compaction[], at: number) =>
  Math.min(...masks.flatMap(({ until, most }) => (most !== undefined && at < until ? [most] : [])), Infinity);

const summed = ({ upto, summary = '' }: Compaction): IndexedMessage => ({
  at: upto,
  message: {
    role: 'user',
    text: `[From the server: the conversation up to here was shortened. The user's messages above are whole or marked. The tool recall reads the rest.]\n\n${summary}`,
  },
});

/** Keeps whole messages where they fit: the first one, then the newest. */
function kept(messages: readonly Message[], maxChars: number): IndexedMessage[] {
  const own = messages.flatMap((message, at) => (message.role === 'user' ? [{ at, message }] : []));
  const [first, ...rest] = own;
  if (!first) return [];
  let left = maxChars - Math.min(first.message.text.length, Math.floor(maxChars / 2));
  const whole: IndexedMessage[] = [];
  let omitted = 0;
  for (const one of rest.toReversed()) {
    const fits = one.message.text.length <= left;
    if (!fits && (omitted > 0 || left < 2 * worthCutting)) {
      omitted += 1;
      continue;
    }
    const text = middleCut(one.message.text, left);
    whole.unshift({ ...one, message: text === one.message.text ? one.message : { role: 'user', text } });
    left -= text.length;
  }
  const head = middleCut(first.message.text, Math.max(worthCutting, Math.floor(maxChars / 2)));
  const gap = `[From the server: ${omitted} later messages of the user are left out here. The tool recall reads them.]`;
  return [
    { at: first.at, message: head === first.message.text ? first.message : { role: 'user', text: head } },
    ...(omitted > 0 ? [{ at: first.at, message: { role: 'user', text: gap } } as const] : []),
    ...whole,
  ];
}

function middleCut(text: string, most: number): string {
  if (text.length <= most) return text;
  const half = Math.max(0, Math.floor(most / 2) - 60);
  const end = truncateStart(text, half);
  return `${truncateEnd(text, half)}\n[… ${text.length - 2 * half} characters left out; the tool recall reads them …]\n${end}`;
}

function withoutPictures(message: Message): Message {
  if (message.role === 'assistant' || !message.pictures) return message;
  const { pictures, ...rest } = message;
  const note = `\n[Left out to save room: ${pictures.length} earlier ${pictures.length === 1 ? 'picture' : 'pictures'}.]`;
  return rest.role === 'user' ? { ...rest, text: rest.text + note } : { ...rest, output: rest.output + note };
}

function shown(message: Message, most: number): Message {
  if (message.role !== 'tool' || message.output.length <= Math.max(most, worthCutting)) return message;
  const { output, callId, name } = message;
  const [, file] = /All of it is in (\S+?):? /.exec(output) ?? [];
  const where = `recall with call_id ${JSON.stringify(callId)} reads it${file ? `; all of it is in ${file}` : ''}`;
  const note = `[${most > 0 ? 'The rest of the' : 'The'} result of ${name}, ${output.length} characters, is left out to save room: ${where}.]`;
  return { ...message, output: most > 0 ? `${truncateEnd(output, most)}\n${note}` : note };
}

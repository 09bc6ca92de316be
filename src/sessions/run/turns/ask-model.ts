import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { TurnResult } from '../../../../machines/run.ts';
import type {
  AssistantMessage,
  Message,
  OmittedContent,
  Picture,
  ToolDeclaration,
  TurnPhase,
} from '../../../agents/models/model.ts';
import { splitThoughts } from '../../../agents/models/thoughts.ts';
import { pictureScaler } from '../../../agents/tools/computer/picture-scaler.ts';
import { recallTool } from '../../../agents/tools/special.ts';
import { throwIfAborted } from '../../../core/concurrency/cancel.ts';
import type { ModelCallPurpose } from '../../../core/model/spending.ts';
import { extendList } from '../../../core/text/list-fold.ts';
import { detectPictureType, readPictureSize } from '../../../core/text/pictures.ts';
import { compactToFit } from '../context/compact-to-fit.ts';
import type { PromptSection } from '../context/message-selection.ts';
import { countRequestBytes, findMessagesWithPictures } from '../context/meter.ts';
import { type ModelReply as Reply, sendModelRequest, toTurnResult } from '../model-request.ts';
import type { RunContext } from '../run-context.ts';

const maxBytes = 3_750_000; // providers accept up to 5 MB in base64
const maxSide = 8_000; // pixels
/** Providers accept more than 20 images only if no side exceeds `side` pixels. */
const many = { pictures: 20, side: 2_000 };
const maxKept = 16;

interface LoadedMessages {
  readonly messages: readonly Message[];
  readonly leftOut: readonly OmittedContent[];
}
type Fitted = { readonly mimeType: string; readonly data: string } | { readonly leftOut: string };

const scaledBefore = new Map<string, Promise<Fitted>>();

/** Images that no provider accepts are replaced with a description and listed in `leftOut`. */
export async function loadPictures(
  messages: readonly Message[],
  load: (file: string) => Promise<string | undefined>,
  signal: AbortSignal,
): Promise<LoadedMessages> {
  const all = findMessagesWithPictures(messages);
  if (all.length === 0) return { messages, leftOut: [] };
  const side = all.reduce((sum, { pictures = [] }) => sum + pictures.length, 0) > many.pictures ? many.side : maxSide;
  const leftOut: OmittedContent[] = [];
  const one = async (picture: Picture): Promise<Picture> => {
    const data = await load(picture.file);
    if (data === undefined) return picture;
    const fitted = await fitPicture(Buffer.from(data, 'base64'), { picture, side, signal });
    if ('leftOut' in fitted)
      leftOut.push({
        kind: 'picture',
        name: picture.file,
        detail: `The picture ${picture.file} is not shown to the model: ${fitted.leftOut}.`,
      });
    return { ...picture, ...fitted };
  };
  const loaded = [...messages];
  const fit = async ({ at, pictures = [], ...message }: (typeof all)[number]) => {
    loaded[at] = { ...message, pictures: await Promise.all(pictures.map(one)) };
  };
  await Promise.all(all.map(fit));
  return { messages: loaded, leftOut };
}

interface Fitting {
  readonly picture: Picture;
  /** Maximum length of the longer side, in pixels. */
  readonly side: number;
  readonly signal: AbortSignal;
}

/** Detects the type from the content, because providers reject an image whose declared type is wrong. */
async function fitPicture(bytes: Buffer, { picture, side, signal }: Fitting): Promise<Fitted> {
  const mimeType = detectPictureType(bytes);
  if (mimeType === undefined)
    return { leftOut: `it is not a PNG, JPEG, GIF or WebP, although its type is ${picture.mimeType}` };
  const size = readPictureSize(bytes);
  if (!size) return { leftOut: 'it is cut off or broken' };
  const longest = Math.max(size.width, size.height);
  if (longest <= side && bytes.length <= maxBytes) return { mimeType, data: bytes.toString('base64') };
  const key = `${picture.file} ${side}`;
  const known = scaledBefore.get(key);
  if (known) return await known;
  const created = smaller(bytes, { size, side, signal });
  const [oldest] = scaledBefore.keys();
  if (scaledBefore.size >= maxKept && oldest !== undefined) scaledBefore.delete(oldest);
  scaledBefore.set(key, created);
  created.catch(() => scaledBefore.delete(key));
  return await created;
}

interface Oversize extends Pick<Fitting, 'side' | 'signal'> {
  readonly size: { readonly width: number; readonly height: number };
}

async function smaller(picture: Buffer, { size: { width, height }, side, signal }: Oversize): Promise<Fitted> {
  const created = await pictureScaler.fit({ picture, side, maxBytes }, signal);
  if (created) return { mimeType: created.mimeType, data: Buffer.from(created.bytes).toString('base64') };
  const why = `it has ${width} × ${height} pixels and ${picture.length} bytes, which is more than providers take`;
  return { leftOut: `${why}, and it could not be made smaller` };
}

const span = 2_400; // The detector fires if the last `span` characters consist of repetitions of one short string.
const maxPeriod = 400;
const everyChars = 512;

class RepetitionDetector {
  #tail = '';
  #unchecked = 0;

  add(delta: string): boolean {
    this.#tail = (this.#tail + delta).slice(-span);
    this.#unchecked += delta.length;
    if (this.#unchecked < everyChars || this.#tail.length < span) return false;
    this.#unchecked = 0;
    // Requires letters and spaces, because separator lines also consist of one repeated string.
    return computePeriod(this.#tail) <= maxPeriod && /\p{L}/u.test(this.#tail) && /\s/.test(this.#tail);
  }
}

/** Length of the shortest prefix whose repetition forms the whole text. */
function computePeriod(text: string): number {
  const borders = new Uint32Array(text.length);
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text[at] !== text[length]) length = borders[length - 1] ?? 0;
    if (text[at] === text[length]) length++;
    borders[at] = length;
  }
  return text.length - (borders.at(-1) ?? 0);
}

const minRepeated = 16; // characters; shorter matches can be coincidental
const maxTail = 2_000;

/** Drops repeated text, because models may repeat their last words or start over. */
class Continuation {
  readonly #begun: string;
  readonly #pass: (delta: string) => void;
  #held = '';
  /** Positions in `begun` from which the continuation may be repeating the text. */
  #places: number[];

  constructor(begun: string, pass: (delta: string) => void) {
    this.#begun = begun;
    this.#pass = pass;
    const last = begun.length - minRepeated;
    const first = Math.max(1, begun.length - maxTail);
    this.#places =
      begun === '' ? [] : [0, ...Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n)];
  }

  add(delta: string): void {
    if (this.#places.length === 0) {
      this.#pass(delta);
      return;
    }
    const from = this.#held.length;
    this.#held += delta;
    this.#places = this.#places.filter((place) => {
      const rest = this.#begun.length - place - from;
      return rest <= 0 || this.#begun.startsWith(delta.slice(0, rest), place + from);
    });
    const [first] = this.#places;
    const repeated = first === undefined ? 0 : this.#begun.length - first;
    if (this.#held.length >= repeated) this.#release(repeated);
  }

  /** Call at the end of the reply. Keeps a short repetition, which may be a coincidence. */
  end(): void {
    if (this.#places.length > 0)
      this.#release(this.#places[0] === 0 && this.#held.length >= minRepeated ? this.#held.length : 0);
  }

  #release(repeated: number): void {
    const rest = this.#held.slice(repeated);
    this.#held = '';
    this.#places = [];
    if (rest !== '') this.#pass(rest);
  }
}

type Deps = Pick<RunContext, 'model' | 'runWriter' | 'budget' | 'sampling' | 'desktop' | 'files'>;
/** Called without text when the model begins to think. */
type DeltaListener = (delta?: string) => void;
export interface TurnInput {
  readonly phase: TurnPhase;
  readonly note: string;
  readonly hint: string | undefined;
  readonly tools: readonly ToolDeclaration[];
  readonly mustCall?: string;
  readonly prompt: { readonly system: string; readonly sections: readonly PromptSection[] };
  readonly workdir: string;
  readonly beforeText?: () => void;
}
export type CheckedModelReply = Reply & {
  /** Whether the reply repeated itself endlessly and was stopped. */
  readonly repeats: boolean;
};
type ReplyOrEnd =
  | { readonly ok: true; readonly reply: CheckedModelReply }
  | { readonly ok: false; readonly result: TurnResult };

const maxRefusals = 3;
const noRoom: TurnResult = {
  kind: 'failed',
  code: 'model_context',
  message: 'The conversation is too long for the model.',
  retryable: false,
  retryAfterMs: undefined,
};

export async function callModelWithinWindow(
  work: Deps,
  turnInput: TurnInput,
  options: AskOptions,
): Promise<ReplyOrEnd> {
  const { model, runWriter, budget } = work;
  const { signal, begun } = options;
  let refused: CheckedModelReply | undefined;
  for (let refusals = 0; ; refusals++) {
    const fitting = { frame: createFrame(work, turnInput), refused: refusals > 0 };
    const compactionResult = await compactToFit(work, fitting, signal);
    if (!compactionResult.ok && refused && !compactionResult.result) return { ok: true, reply: refused };
    if (!compactionResult.ok) return { ok: false, result: compactionResult.result ?? noRoom };
    const modelReply = await callModel(work, turnInput, options);
    const { outcome } = modelReply;
    if (outcome.kind === 'failed' && outcome.over) return { ok: false, result: toTurnResult(outcome, budget) };
    const isTooLong =
      outcome.kind === 'failed' && outcome.code === 'model_context' && modelReply.message.text === (begun?.text ?? '');
    if (!isTooLong || refusals === maxRefusals) return { ok: true, reply: modelReply };
    throwIfAborted(signal);
    refused = modelReply;
    runWriter.transcript.meter.raise(model.name);
  }
}

interface AskOptions {
  readonly hear: DeltaListener;
  readonly signal: AbortSignal;
  readonly begun?: AssistantMessage | undefined;
}

const purposes = { plan: 'plan', replan: 'plan', act: 'work', summarize: 'answer', grade: 'grade' } as const;

/** The reply's text includes `begun`. */
export async function callModel(
  work: Deps,
  turnInput: TurnInput,
  { hear, signal, begun }: AskOptions,
): Promise<CheckedModelReply> {
  const { runWriter, sampling } = work;
  const load = createLoader(work);
  const { transcript, runId } = runWriter;
  const view = transcript.view(runId);
  const { messages: viewed, runFrom } = view;
  const { phase, note, hint, mustCall } = turnInput;
  const frame = createFrame(work, turnInput);
  const { system, sections, tools } = frame;
  const messages = begun ? extendList(viewed, [begun]) : viewed;
  const bytes = countRequestBytes({ ...frame, messages });
  const loaded = load ? await loadPictures(messages, load, signal) : { messages, leftOut: [] };
  const request = {
    phase,
    system,
    runFrom,
    note,
    tools,
    ...placedNotes(view, note !== ''),
    messages: loaded.messages,
    ...(hint === undefined ? {} : { hint }),
    ...(mustCall === undefined || begun ? {} : { mustCall }),
    ...(sampling && { sampling }),
    cacheKey: runWriter.transcript.cacheKey,
  };
  const from = { length: transcript.length, ...(begun && { begun }) };
  const repetition = new RepetitionDetector();
  const stop = new AbortController();
  const pieces: string[] = [];
  const continuation = new Continuation(begun?.text ?? '', (delta) => {
    pieces.push(delta);
    hear(delta);
  });
  const purpose: ModelCallPurpose = purposes[phase.kind];
  const collected = await sendModelRequest(
    work,
    { request, bytes, purpose, sections, from, conversation: messages, keepsThoughts: true, stop },
    {
      signal,
      takenIds: transcript.callIds(),
      onThought: () => hear(),
      onDelta: (delta) => {
        if (stop.signal.aborted) return;
        continuation.add(delta);
        if (repetition.add(delta)) stop.abort();
      },
    },
  );
  continuation.end();
  // Raw parts of two replies cannot be combined.
  const { text } = splitThoughts((begun?.text ?? '') + pieces.join(''));
  const message = begun ? { ...collected.message, text, raw: [] } : collected.message;
  const turn = { ...collected, message, leftOut: [...loaded.leftOut, ...collected.leftOut] };
  if (stop.signal.aborted && !signal.aborted)
    return { ...turn, message: { ...message, calls: [] }, refused: [], repeats: true };
  const { outcome, isBelieved } = turn;
  if (outcome.kind === 'finished' && isBelieved) transcript.meter.learn(message.model, bytes, outcome.usage);
  return { ...turn, repeats: false };
}

/** If `hasOwn` is true, the newest note belongs to this turn. */
function placedNotes({ note, earlier }: ReturnType<Deps['runWriter']['transcript']['view']>, hasOwn: boolean) {
  const others = note && !hasOwn ? extendList(earlier, [note]) : earlier;
  return { ...(note && hasOwn && { noteAt: note.before }), ...(others.length > 0 && { earlier: others }) };
}

/** Both screenshots and users' images are stored as uploads. */
function createLoader({ desktop, files }: Deps): ((file: string) => Promise<string | undefined>) | undefined {
  if (desktop) return (file) => desktop.loadPicture(file);
  return (
    files &&
    ((file) =>
      files
        .open(file)
        .then(base64)
        .catch(() => undefined))
  );
}
const base64 = async (stream: Readable): Promise<string> => (await buffer(stream)).toString('base64');

/** The next request without its conversation or the note's position, to measure its size. */
function createFrame({ runWriter }: Deps, { prompt, tools, hint, phase }: TurnInput) {
  const { transcript, runId } = runWriter;
  const isPlanned = phase.kind === 'act' || phase.kind === 'summarize';
  const looksBack = isPlanned && tools.length > 0 && transcript.compactions.length > 0;
  const { note, earlier } = transcript.view(runId);
  return {
    system: prompt.system,
    sections: prompt.sections,
    ...(note && { note: note.text }),
    earlier,
    tools: looksBack ? [...tools, declared(recallTool)] : tools,
    ...(hint !== undefined && { hint }),
  };
}

const declared = ({ name, description, parameters }: ToolDeclaration): ToolDeclaration => ({
  name,
  description,
  parameters,
});

import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { RemainingBudget, RunSpending, TurnResult } from '../../../../machines/run.ts';
import { addSpent, nothingSpent } from '../../../../machines/run-rules.ts';
import { type CollectedTurn, collectTurn } from '../../../agents/models/collect.ts';
import type {
  AssistantMessage,
  FinishedTurn,
  Sampling,
  ToolDeclaration,
  TurnPhase,
} from '../../../agents/models/model.ts';
import { recall } from '../../../agents/tools/special.ts';
import { throwIfFired } from '../../../core/concurrency/cancel.ts';
import type { AssumedUsage, BudgetOverrun } from '../../../core/model/spending.ts';
import { extendList } from '../../../core/text/list-fold.ts';
import { type Allowance, affordableReply, countsUsage, estimateNeeds, findBudgetOverrun } from '../allowance.ts';
import { compactToFit } from '../context/compact-to-fit.ts';
import type { PromptSection, RequestProof } from '../context/message-selection.ts';
import { pictureBytes, requestBytes } from '../context/meter.ts';
import type { BudgetCheck } from '../context/summary.ts';
import type { RunContext } from '../run-context.ts';
import { assumeBeyond, type Exchange } from '../settlement.ts';
import { withPictures } from './message-images.ts';

const span = 2_400; // characters that have to be one text over and over
const maxPeriod = 400;
const everyChars = 512;

/** Notices a reply that repeats itself without limit. */
class RepetitionDetector {
  #tail = '';
  #unchecked = 0;

  /** Whether the reply repeats itself by now. */
  add(delta: string): boolean {
    this.#tail = (this.#tail + delta).slice(-span);
    this.#unchecked += delta.length;
    if (this.#unchecked < everyChars || this.#tail.length < span) return false;
    this.#unchecked = 0;
    return periodOf(this.#tail) <= maxPeriod && /\p{L}/u.test(this.#tail) && /\s/.test(this.#tail); // words, not a ruler
  }
}

/** The length of the shortest text whose repetition is the whole text. */
function periodOf(text: string): number {
  const borders = new Uint32Array(text.length);
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text[at] !== text[length]) length = borders[length - 1] ?? 0;
    if (text[at] === text[length]) length++;
    borders[at] = length;
  }
  return text.length - (borders.at(-1) ?? 0);
}

const minRepeated = 16; // characters; fewer can be the same by chance
const maxTail = 2_000;

/**
 * Passes on the continuation of a text. Models that continue a text may repeat its last words or start again; repeated
 * text is held back.
 */
class Continuation {
  readonly #begun: string;
  readonly #pass: (delta: string) => void;
  #held = '';
  /** The places of the text from which the continuation repeats it so far. */
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

  /** A reply that ended within the text's own words has nothing new, unless it is too short to tell. */
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

type Deps = Pick<RunContext, 'model' | 'runWriter' | 'sampling' | 'desktop' | 'files' | 'leftOfSession'>;
/** Without a text: the model begins to think. */
type DeltaListener = (delta?: string) => void;
export interface TurnInput {
  readonly phase: TurnPhase;
  readonly note: string;
  readonly hint: string | undefined;
  readonly tools: readonly ToolDeclaration[];
  readonly mustCall?: string;
  readonly prompt: { readonly system: string; readonly sections: readonly PromptSection[] };
  readonly workdir: string;
  /** The run's remaining budget. Undefined: a user has just granted it. */
  readonly left?: RemainingBudget | undefined;
  /** Called before the first text of the reply is logged. */
  readonly beforeText?: () => void;
}
export type ModelReply = CollectedTurn & {
  /** The reply repeated itself without limit and was stopped. */
  readonly repeats: boolean;
  /** Names the request in the fact of its usage. */
  readonly proof: RequestProof;
  /** The amounts that budgets count beyond the provider's; absent: its count is believed, or no budget counts it. */
  readonly assumed?: AssumedUsage;
};
type ReplyOrEnd =
  | { readonly ok: true; readonly asked: ModelReply; readonly spent: RunSpending }
  | { readonly ok: false; readonly result: TurnResult };

const maxRefusals = 3;
const noRoom: TurnResult = {
  kind: 'failed',
  code: 'model_context',
  message: 'The conversation is too long for the model.',
  retryable: false,
  retryAfterMs: undefined,
};

/** The budget that does not cover the next request in addition to the turn's usage. */
export function refusal(
  work: Deps,
  turnInput: TurnInput,
  used: { readonly spent: RunSpending; readonly unwritten: RunSpending; readonly begun?: AssistantMessage | undefined },
): BudgetOverrun | undefined {
  const { transcript, runId } = work.runWriter;
  const { messages } = transcript.view(runId);
  const bytes = requestBytes({
    ...frameOf(work, turnInput),
    messages: used.begun ? extendList(messages, [used.begun]) : messages,
  });
  return findBudgetOverrun(allowanceOf(work, turnInput), estimateNeeds(work.model, transcript.meter, bytes), used);
}

const allowanceOf = ({ leftOfSession = () => undefined }: Deps, { left }: TurnInput): Allowance => ({
  run: left,
  session: leftOfSession,
});

/** Asks the model with a conversation that fits its window; `spent` is what making it fit has cost. */
export async function askWithinWindow(
  work: Deps,
  turnInput: TurnInput,
  { hear, signal, begun }: Omit<AskOptions, 'used'>,
): Promise<ReplyOrEnd> {
  const { model, runWriter } = work;
  const { meter } = runWriter.transcript;
  const covers: BudgetCheck = (bytes, spent) =>
    findBudgetOverrun(allowanceOf(work, turnInput), estimateNeeds(model, meter, bytes), {
      spent,
      unwritten: nothingSpent,
    });
  const isCounted = () => countsUsage(allowanceOf(work, turnInput));
  let refused: ModelReply | undefined;
  let spent = nothingSpent;
  for (let refusals = 0; ; refusals++) {
    const fitting = { frame: frameOf(work, turnInput), covers, isCounted, refused: refusals > 0 };
    const compactionResult = await compactToFit(work, fitting, signal);
    if (!compactionResult.ok && refused && !compactionResult.result) return { ok: true, asked: refused, spent };
    if (!compactionResult.ok) return { ok: false, result: compactionResult.result ?? noRoom };
    spent = addSpent(spent, compactionResult.spent);
    const used = { spent, unwritten: nothingSpent };
    const over = refusal(work, turnInput, { ...used, begun });
    if (over) return { ok: false, result: { kind: 'unaffordable', over, spent } };
    const modelReply = await askModel(work, turnInput, { hear, signal, used, begun });
    const { outcome } = modelReply;
    const isTooLong =
      outcome.kind === 'failed' && outcome.code === 'model_context' && modelReply.message.text === (begun?.text ?? '');
    if (!isTooLong || refusals === maxRefusals) return { ok: true, asked: modelReply, spent };
    throwIfFired(signal);
    refused = modelReply;
    meter.raise(model.name);
  }
}

interface AskOptions {
  readonly hear: DeltaListener;
  readonly signal: AbortSignal;
  /** The amounts that the turn has used before. */
  readonly used: { readonly spent: RunSpending; readonly unwritten: RunSpending };
  /** A reply that was cut, or broke off, and that this one continues. */
  readonly begun?: AssistantMessage | undefined;
}

/** Asks the model once, for a reply that is no dearer than the budgets cover. Its text has that of `begun`. */
export async function askModel(
  work: Deps,
  turnInput: TurnInput,
  { hear, signal, used, begun }: AskOptions,
): Promise<ModelReply> {
  const { model, runWriter } = work;
  const load = loaderOf(work);
  const { transcript, runId } = runWriter;
  const view = transcript.view(runId);
  const { messages: viewed, runFrom } = view;
  const { phase, note, hint, mustCall } = turnInput;
  const frame = frameOf(work, turnInput);
  const { system, sections, tools } = frame;
  const messages = begun ? extendList(viewed, [begun]) : viewed;
  const bytes = requestBytes({ ...frame, messages });
  const allowance = allowanceOf(work, turnInput);
  const inputTokens = transcript.meter.tokens(model.name, bytes);
  const sampling = withinBudget(work, affordableReply(allowance, { model, inputTokens }, used));
  const loaded = load ? await withPictures(messages, load, signal) : { messages, leftOut: [] };
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
  const proof = runWriter.asking({ model: model.name, request, sections, from, conversation: messages });
  const repetition = new RepetitionDetector();
  const stop = new AbortController();
  const pieces: string[] = [];
  const continuation = new Continuation(begun?.text ?? '', (delta) => {
    pieces.push(delta);
    hear(delta);
  });
  const collected = await collectTurn(model.turn(request, AbortSignal.any([signal, stop.signal])), {
    model: model.name,
    takenIds: transcript.callIds(),
    onThought: () => hear(),
    onDelta: (delta) => {
      if (stop.signal.aborted) return;
      continuation.add(delta);
      if (repetition.add(delta)) stop.abort();
    },
  });
  continuation.end();
  // The raw parts of two replies are no reply.
  const joined = begun && { ...collected.message, text: begun.text + pieces.join(''), raw: [] };
  const turn = {
    ...collected,
    message: joined ?? collected.message,
    leftOut: [...loaded.leftOut, ...collected.leftOut],
  };
  const { outcome } = turn;
  if (!stop.signal.aborted || signal.aborted) {
    const { text, calls } = collected.message;
    const exchange = {
      requestBytes: bytes - pictureBytes(messages),
      replyBytes:
        Buffer.byteLength(text) + calls.reduce((sum, call) => sum + Buffer.byteLength(JSON.stringify(call)), 0),
    };
    const assumed = outcome.kind === 'finished' ? assumedFor(model, outcome, { exchange, allowance }) : undefined;
    if (outcome.kind === 'finished' && !assumed) transcript.meter.learn(turn.message.model, bytes, outcome.usage);
    return { ...turn, repeats: false, proof, ...(assumed && { assumed }) };
  }
  const usage = { inputTokens, outputTokens: transcript.meter.tokens(model.name, collected.message.text.length) };
  const message = { ...turn.message, calls: [] };
  return { ...turn, message, refused: [], outcome: { kind: 'finished', stop: 'done', usage }, repeats: true, proof };
}

/** The addition that a budget of the person or project has counted already; else that of a budget of the run or session. */
function assumedFor(
  model: Deps['model'],
  { assumed, usage }: FinishedTurn,
  { exchange, allowance }: { readonly exchange: Exchange; readonly allowance: Allowance },
): AssumedUsage | undefined {
  if (assumed) return assumed;
  return countsUsage(allowance) ? assumeBeyond(model, usage, exchange) : undefined;
}

/** The sampling options, with a limit of the reply where the budgets cover no longer one. */
function withinBudget({ model, sampling }: Deps, room: number | undefined): Sampling | undefined {
  const usual = sampling?.maxOutputTokens ?? model.abilities.maxOutput;
  return room === undefined || room >= usual ? sampling : { ...sampling, maxOutputTokens: room };
}

/** The newest note belongs to this turn, if it has one. */
function placedNotes({ note, earlier }: ReturnType<Deps['runWriter']['transcript']['view']>, hasOwn: boolean) {
  const others = note && !hasOwn ? extendList(earlier, [note]) : earlier;
  return { ...(note && hasOwn && { noteAt: note.before }), ...(others.length > 0 && { earlier: others }) };
}

/** Screenshots and users' pictures are both uploads. */
function loaderOf({ desktop, files }: Deps): ((file: string) => Promise<string | undefined>) | undefined {
  if (desktop) return (file) => desktop.loadPicture(file);
  return (
    files &&
    ((file) =>
      files
        .open(file)
        .then(base64)
        .catch(() => undefined))
  ); // named in words instead
}
const base64 = async (stream: Readable): Promise<string> => (await buffer(stream)).toString('base64');

/** Everything of the next request but the conversation, with all notes as one. */
function frameOf({ runWriter }: Deps, { prompt, tools, hint, phase }: TurnInput) {
  const { transcript, runId } = runWriter;
  const isPlanned = phase.kind === 'act' || phase.kind === 'summarize';
  const looksBack = isPlanned && tools.length > 0 && transcript.compactions.length > 0;
  const { note, earlier } = transcript.view(runId);
  return {
    system: prompt.system,
    sections: prompt.sections,
    ...(note && { note: note.text }),
    earlier,
    tools: looksBack ? [...tools, declared(recall)] : tools,
    ...(hint !== undefined && { hint }),
  };
}

const declared = ({ name, description, parameters }: ToolDeclaration): ToolDeclaration => ({
  name,
  description,
  parameters,
});

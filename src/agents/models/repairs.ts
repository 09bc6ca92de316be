import { createHash } from 'node:crypto';
import type { Clock } from '../../core/contracts/clock.ts';
import type { ErrorCode } from '../../core/errors/errors.ts';
import { toReadableModel } from '../../core/model/runs/readable-model.ts';
import { truncateEnd } from '../../core/text/text.ts';
import type { Message, Model, OmittedContent, Picture, ToolDeclaration, TurnPart, TurnRequest } from './model.ts';

const maxRepairs = 8;
const maxKnown = 500;
/** How long requests omit tools after a refusal. The model's server may accept tools again after a restart. */
const toollessMs = 10 * 60_000;
const repairable: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'model_rejected',
  'model_refused',
  'model_unknown',
  'model_context',
  'provider_error',
]);

interface KnownRefusals {
  readonly tools: Map<string, string>;
  readonly pictures: Map<string, string>;
  toolless: { readonly until: number; readonly detail: string } | undefined;
}
interface Repair {
  readonly request: TurnRequest;
  readonly leftOut: readonly OmittedContent[];
}

/** Repeats a refused request without the probable cause of the refusal. */
export function withRequestRepair(model: Model, clock: Pick<Clock, 'now'>): Model {
  const known: KnownRefusals = { tools: new Map(), pictures: new Map(), toolless: undefined };

  async function* turn(request: TurnRequest, signal: AbortSignal): AsyncGenerator<TurnPart> {
    let now = withoutKnown(request, known, clock.now());
    const left = [...now.leftOut];
    const tried: string[] = [];
    for (let repairs = 0; ; repairs++) {
      let hasSpoken = false;
      let next: Repair | undefined;
      for await (const part of model.turn(now.request, signal)) {
        const failure = part.type === 'end' && part.outcome.kind === 'failed' ? part.outcome : undefined;
        if (failure && !hasSpoken && repairs < maxRepairs && repairable.has(failure.code))
          next = repairOf(now.request, { text: failure.message, model: model.name, tried });
        if (next) continue;
        if (part.type === 'end') {
          if (!failure) remember(known, { request, left, now: clock.now() });
          for (const what of failure ? [] : left) yield { type: 'left_out', what };
        }
        hasSpoken ||= part.type !== 'end';
        yield part;
      }
      if (!next) return;
      // Restores images if their removal did not help.
      const isVain = next.leftOut.some(({ kind }) => kind === 'picture');
      if (isVain)
        left.splice(0, left.length, ...left.filter(({ kind, name }) => kind !== 'picture' || known.pictures.has(name)));
      left.push(...next.leftOut);
      now = { ...next, request: isVain ? without(request, left) : next.request };
    }
  }
  return {
    name: model.name,
    get abilities() {
      return model.abilities;
    },
    ...(model.costOf && { costOf: (usage) => model.costOf?.(usage) }),
    turn,
  };
}

const computeKey = ({ name, parameters }: ToolDeclaration): string =>
  createHash('sha256')
    .update(`${name} ${JSON.stringify(parameters)}`)
    .digest('base64url');

function withoutKnown(request: TurnRequest, { tools, pictures, toolless }: KnownRefusals, now: number): Repair {
  const left: OmittedContent[] = [];
  if (toolless && toolless.until > now && request.tools.length > 0)
    left.push({ kind: 'tools', name: '', detail: toolless.detail });
  if (tools.size > 0)
    for (const tool of request.tools) {
      const detail = tools.get(computeKey(tool));
      if (detail !== undefined) left.push({ kind: 'tool', name: tool.name, detail });
    }
  if (pictures.size > 0)
    for (const { file } of shownIn(request.messages)) {
      const detail = pictures.get(file);
      if (detail !== undefined) left.push({ kind: 'picture', name: file, detail });
    }
  return { request: without(request, left), leftOut: left };
}

function remember(
  known: KnownRefusals,
  { request, left, now }: { request: TurnRequest; left: readonly OmittedContent[]; now: number },
) {
  const keep = (map: Map<string, string>, key: string, detail: string) => {
    const [oldest] = map.keys();
    if (map.size >= maxKnown && oldest !== undefined) map.delete(oldest);
    map.set(key, detail);
  };
  for (const { kind, name, detail } of left) {
    const tool = request.tools.find((one) => one.name === name);
    if (kind === 'tool' && tool) keep(known.tools, computeKey(tool), detail);
    if (kind === 'picture') keep(known.pictures, name, detail);
    if (kind === 'tools' && (known.toolless?.until ?? 0) <= now) known.toolless = { until: now + toollessMs, detail };
  }
}

function without(request: TurnRequest, left: readonly OmittedContent[]): TurnRequest {
  const named = (kind: OmittedContent['kind']) =>
    new Map(left.flatMap((one) => (one.kind === kind ? [[one.name, one.detail]] : [])));
  const [tools, pictures] = [named('tool'), named('picture')];
  const isToolless = left.some(({ kind }) => kind === 'tools');
  const offered = isToolless ? [] : request.tools.filter(({ name }) => !tools.has(name));
  const isUnsigned = left.some(({ kind }) => kind === 'reasoning');
  const { mustCall, ...rest } = request;
  return {
    ...rest,
    ...(mustCall !== undefined && offered.some(({ name }) => name === mustCall) && { mustCall }),
    tools: offered,
    messages:
      pictures.size === 0 && !isUnsigned
        ? request.messages
        : request.messages.map((message) => {
            if (message.role === 'assistant') return isUnsigned ? { ...message, raw: [] } : message;
            if (!message.pictures?.some(({ file }) => pictures.has(file))) return message;
            const shown = message.pictures.map((one): Picture => {
              const { data: _, ...words } = one;
              return pictures.has(one.file) ? { ...words, leftOut: 'the provider refused it' } : one;
            });
            return { ...message, pictures: shown };
          }),
  };
}

const shownIn = (messages: readonly Message[]): Picture[] =>
  messages
    .flatMap((message) => (message.role === 'assistant' ? [] : (message.pictures ?? [])))
    .filter(({ data }) => data !== undefined);

interface RefusalWords {
  readonly text: string;
  readonly model: string;
  readonly tried: string[];
}

/** Undefined if no part can be left out. */
function repairOf(request: TurnRequest, words: RefusalWords): Repair | undefined {
  const leftOut = refusedTools(request, words) ?? refusedPictures(request, words) ?? refusedReasoning(request, words);
  return leftOut && { request: without(request, leftOut), leftOut };
}

const noTools =
  /(tools?|tool[ _-]?(use|call(ing|s)?|choice)|function[ _-]?call(ing|s)?)\b.{0,80}(not? (be )?(support|enabl|allow|available)|unsupported|requires? --enable|disabled)|(not support|unsupported|no endpoints found that support|without support for).{0,60}\b(tools?|tool[ _-]?(use|call(ing|s)?|choice)|functions?|function[ _-]?calling)\b/i;
const aboutTools = /schema|function|tool|parameter|declaration|grammar|properties/i;
const aboutSchemas =
  /schema|function_?declarations?|grammar|invalid.{0,20}(function|tool)|(function|tool).{0,20}invalid/i;

function refusedTools({ tools }: TurnRequest, { text, model }: RefusalWords): OmittedContent[] | undefined {
  if (tools.length === 0 || !aboutTools.test(text)) return undefined;
  const lines = new Set(text.split(/[^A-Za-z0-9_-]+/));
  const index = /function_?declarations[[.](\d+)/i.exec(text)?.[1] ?? /\btools[[.](\d+)/i.exec(text)?.[1];
  const named = tools.filter(({ name }) => name.length > 3 && lines.has(name));
  const placed = index === undefined ? undefined : tools[Number(index)];
  const culprits = named.length > 0 ? named : placed ? [placed] : [];
  if (culprits.length === 0 && noTools.test(text))
    return [
      {
        kind: 'tools',
        name: '',
        detail: `${toReadableModel(model)} does not support tools, so it can only reply with text. Its answer: ${quoted(text)}`,
      },
    ];
  // Third-party tools are the likely cause if the provider does not name the tool.
  const likely =
    culprits.length === 0 && aboutSchemas.test(text) ? tools.filter(({ name }) => name.startsWith('mcp_')) : culprits;
  if (likely.length === 0) return undefined;
  return likely.map(({ name }) => ({
    kind: 'tool',
    name,
    detail: `The tool ${name} is left out, because ${toReadableModel(model)} refuses it: ${quoted(text)}`,
  }));
}

const aboutPictures =
  /image|picture|media[ _]?type|vision|multimodal|multi-modal|mmproj|inline_?data|too large|payload|data ur[il]/i;
const maxSingly = 4;

function refusedPictures(
  { messages }: TurnRequest,
  { text, model, tried }: RefusalWords,
): OmittedContent[] | undefined {
  const shown = [...new Set(shownIn(messages).map(({ file }) => file))].reverse();
  if (shown.length === 0 || !aboutPictures.test(text)) return undefined;
  const next = shown.length > 1 && tried.length < maxSingly ? shown.find((file) => !tried.includes(file)) : undefined;
  const all = [...new Set([...shown, ...tried])];
  const files = next === undefined ? all : [next];
  if (next !== undefined) tried.push(next);
  return files.map((name) => ({
    kind: 'picture',
    name,
    detail: `The picture ${name} is left out, because ${toReadableModel(model)} refuses it: ${quoted(text)}`,
  }));
}

function refusedReasoning({ messages }: TurnRequest, { text, model }: RefusalWords): OmittedContent[] | undefined {
  const hasRaw = messages.some((message) => message.role === 'assistant' && message.raw.length > 0);
  if (!hasRaw || !/thinking|signature|reasoning|encrypted_content/i.test(text)) return undefined;
  return [
    {
      kind: 'reasoning',
      name: '',
      detail: `Earlier reasoning is left out, because ${toReadableModel(model)} refuses it: ${quoted(text)}`,
    },
  ];
}

const quoted = (text: string): string => truncateEnd(text, 300);

import type { Content, Part } from '@google/generative-ai';
import type { AssistantMessage, Message, TurnRequest } from '../model.ts';

// Google's marker for a call that another model made, and that therefore has no signature.
const foreignSignature = 'skip_thought_signature_validator';
const notRun = 'This call was not run.';

/** The conversation in Gemini's form: every call is followed by its answer, and the end is a user's message. */
export function contentsOf(request: TurnRequest, model: string): Content[] {
  const outputs = new Map(
    request.messages.flatMap((message) => (message.role === 'tool' ? [[message.callId, message] as const] : [])),
  );
  const turns = request.messages.flatMap((message): Turn[] => {
    if (message.role === 'user')
      return [{ kind: 'said', contents: [{ role: 'user', parts: [{ text: message.text }] }] }];
    if (message.role === 'tool') return []; // placed next to its call
    const parts = partsOf(message, model);
    if (parts.length === 0) return [];
    const answers = answersTo(message, parts, outputs);
    const said: Content = { role: 'model', parts };
    return answers.length === 0
      ? [{ kind: 'said', contents: [said] }]
      : [{ kind: planned(message) ? 'said' : 'acted', contents: [said, { role: 'user', parts: answers }] }];
  });
  // The note goes before the calls of the present step. After them, a user's message would end the turn in which Gemini
  // keeps the reasoning behind those calls.
  const begun = turns.findLastIndex((turn) => turn.kind === 'said') + 1;
  const contents = (from: number, to?: number) => turns.slice(from, to).flatMap((turn) => turn.contents);
  return [...contents(0, begun), ...own(request.note), ...contents(begun), ...own(request.hint)];
}

const own = (text: string | undefined): Content[] => (text ? [{ role: 'user', parts: [{ text }] }] : []);

interface Turn {
  readonly kind: 'said' | 'acted';
  readonly contents: readonly Content[];
}
type ToolMessage = Extract<Message, { role: 'tool' }>;

const planned = (message: AssistantMessage): boolean => message.calls.some((call) => call.name === 'make_plan');

/** Gemini's own parts are sent back unchanged; parts of another model are converted. */
function partsOf(message: AssistantMessage, model: string): Part[] {
  if (message.model === model && message.raw.length > 0) return message.raw as Part[];
  const text: Part[] = message.text === '' ? [] : [{ text: message.text }];
  const calls = message.calls.map(
    ({ name, args }) => ({ functionCall: { name, args }, thoughtSignature: foreignSignature }) as unknown as Part,
  );
  return [...text, ...calls];
}

/** One answer for each call among the parts, in order, because Gemini compares the numbers. */
function answersTo(
  message: AssistantMessage,
  parts: readonly Part[],
  outputs: ReadonlyMap<string, ToolMessage>,
): Part[] {
  const called = parts.flatMap((part) => part.functionCall ?? []);
  const answers = called.map(({ name }, at): Part => {
    const result = outputs.get(message.calls[at]?.callId ?? '');
    const response = result?.success ? { output: result.output } : { error: result?.output ?? notRun };
    const pictures = picturesOf(result);
    const inside = pictures.length > 0 && takesPicturesInside(message.model);
    return { functionResponse: { name, response, ...(inside && { parts: pictures }) } } as Part;
  });
  // Models before version 3 accept pictures only next to the answers.
  const beside = takesPicturesInside(message.model)
    ? []
    : message.calls.flatMap(({ callId }) => picturesOf(outputs.get(callId)));
  return [...answers, ...(answers.length > 0 ? beside : [])];
}

const picturesOf = (result: ToolMessage | undefined): Part[] =>
  (result?.pictures ?? []).flatMap(({ mimeType, data }) =>
    data === undefined ? [] : [{ inlineData: { mimeType, data } }],
  );

const takesPicturesInside = (model: string): boolean => /gemini-([3-9]|\d\d)|computer-use/.test(model);

import {
  describePicture,
  type PromptPiece,
  type ToolMessage,
  toPromptPieces,
  toSkippedResult,
} from '../conversation.ts';
import type { AssistantMessage, Picture, TurnRequest } from '../model.ts';
import { requiresConsent, splitConsentRequest } from './computer.ts';

interface GeminiPart {
  readonly text?: string;
  readonly functionCall?: { readonly name: string; readonly args: unknown };
  readonly [field: string]: unknown;
}
interface Content {
  readonly role: 'user' | 'model';
  readonly parts: readonly GeminiPart[];
}

// Google's placeholder signature for a call by another model.
const foreignSignature = 'skip_thought_signature_validator';

export const toGeminiContents = (request: TurnRequest, model: string): Content[] =>
  toPromptPieces(request).flatMap((piece): Content[] => {
    if (piece.kind === 'hint') return [{ role: 'user', parts: [{ text: piece.text }] }];
    if (piece.kind === 'user') return [{ role: 'user', parts: [{ text: piece.text }, ...picturesOf(piece)] }];
    const { parts, answers, refusals } = inWords(toParts(piece.reply, model), piece.answers);
    if (parts.length === 0) return [];
    const answered = [...answersTo(piece.reply.model, parts, answers), ...refusals];
    const content: Content = { role: 'model', parts };
    return answered.length === 0 ? [content] : [content, { role: 'user', parts: answered }];
  });

type ReplyAnswers = Extract<PromptPiece, { kind: 'reply' }>['answers'];

/** If a call requires confirmation, Gemini accepts its result only after one. Without it, the call becomes text. */
function inWords(
  parts: readonly GeminiPart[],
  all: ReplyAnswers,
): { parts: GeminiPart[]; answers: ReplyAnswers; refusals: GeminiPart[] } {
  const kept: GeminiPart[] = [];
  const answers: ToolMessage[] = [];
  const refusals: GeminiPart[] = [];
  let calls = 0;
  for (const part of parts) {
    if (!part.functionCall) {
      kept.push(part);
      continue;
    }
    const answer = all[calls++] ?? toSkippedResult('', part.functionCall.name);
    const { name, args } = part.functionCall;
    if (answer.confirmed || !requiresConsent(args)) {
      kept.push(part);
      answers.push(answer);
      continue;
    }
    kept.push({ text: `I requested a call of ${name} with ${JSON.stringify(splitConsentRequest(args).args)}.` });
    refusals.push({ text: answer.output });
  }
  return { parts: refusals.length > 0 ? signed(kept) : kept, answers, refusals };
}

/** Adds a placeholder signature to the first call if it has none, because Gemini requires one. */
function signed(parts: readonly GeminiPart[]): GeminiPart[] {
  const first = parts.findIndex(({ functionCall }) => functionCall !== undefined);
  return parts.map((part, at) => (at === first ? { thoughtSignature: foreignSignature, ...part } : part));
}

function toParts(message: AssistantMessage, model: string): GeminiPart[] {
  if (message.model === model && message.raw.length > 0) return message.raw as GeminiPart[];
  const text: GeminiPart[] = message.text === '' ? [] : [{ text: message.text }];
  const calls = message.calls.map(({ name, args }): GeminiPart => {
    return { functionCall: { name, args }, thoughtSignature: foreignSignature };
  });
  return [...text, ...calls];
}

/** Gemini requires as many answers as calls. */
function answersTo(model: string, parts: readonly GeminiPart[], answers: ReplyAnswers): GeminiPart[] {
  const called = parts.flatMap((part) => part.functionCall ?? []);
  const inPlace = called.map(({ name, args }, at): GeminiPart => {
    const { success, output, pictures, page } = answers[at] ?? toSkippedResult('', name);
    const shown = picturesOf({ pictures: pictures?.filter(({ data }) => data !== undefined) });
    const unseen = (pictures ?? []).filter(({ data }) => data === undefined).map(describePicture);
    const text = [output, ...unseen].join('\n');
    const inside = shown.length > 0 && takesPicturesInside(model);
    const response = {
      ...(success ? { output: text } : { error: text }),
      ...(page !== undefined && { url: page }),
      ...(requiresConsent(args) && { safety_acknowledgement: 'true' }),
    };
    return { functionResponse: { name, response, ...(inside && { parts: shown }) } };
  });
  // Models before version 3 accept images only as separate parts alongside the answers.
  const beside = takesPicturesInside(model)
    ? []
    : answers.flatMap(({ pictures }) => picturesOf({ pictures: pictures?.filter(({ data }) => data !== undefined) }));
  return [...inPlace, ...(inPlace.length > 0 ? beside : [])];
}

const picturesOf = ({ pictures = [] }: { readonly pictures?: readonly Picture[] | undefined }): GeminiPart[] =>
  pictures.flatMap((picture): GeminiPart[] =>
    picture.data === undefined
      ? [{ text: describePicture(picture) }]
      : [{ inlineData: { mimeType: picture.mimeType, data: picture.data } }],
  );

const takesPicturesInside = (model: string): boolean => /gemini-([3-9]|\d\d)|computer-use/.test(model);

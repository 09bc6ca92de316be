import type { Content, Part } from '@google/generative-ai';
import { notRun, type Piece, piecesOf } from '../conversation.ts';
import type { AssistantMessage, Picture, TurnRequest } from '../model.ts';

// Google's marker for a call that another model made, and that therefore has no signature.
const foreignSignature = 'skip_thought_signature_validator';

/** The conversation in Gemini's form: every call is followed by its answer, and the end is a user's message. */
export const contentsOf = (request: TurnRequest, model: string): Content[] =>
  piecesOf(request).flatMap((piece): Content[] => {
    if (piece.kind === 'hint') return [{ role: 'user', parts: [{ text: piece.text }] }];
    if (piece.kind === 'user') return [{ role: 'user', parts: [{ text: piece.text }, ...picturesOf(piece)] }];
    const parts = partsOf(piece.reply, model);
    if (parts.length === 0) return [];
    const answers = answersTo(piece, parts);
    const said: Content = { role: 'model', parts };
    return answers.length === 0 ? [said] : [said, { role: 'user', parts: answers }];
  });

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
function answersTo({ reply, answers }: Extract<Piece, { kind: 'reply' }>, parts: readonly Part[]): Part[] {
  const called = parts.flatMap((part) => part.functionCall ?? []);
  const inPlace = called.map(({ name }, at): Part => {
    const { success, output, pictures } = answers[at] ?? notRun('', name);
    const shown = picturesOf({ pictures });
    const inside = shown.length > 0 && takesPicturesInside(reply.model);
    const response = success ? { output } : { error: output };
    return { functionResponse: { name, response, ...(inside && { parts: shown }) } } as Part;
  });
  // Models before version 3 accept pictures only next to the answers.
  const beside = takesPicturesInside(reply.model) ? [] : answers.flatMap(picturesOf);
  return [...inPlace, ...(inPlace.length > 0 ? beside : [])];
}

const picturesOf = ({ pictures = [] }: { readonly pictures?: readonly Picture[] | undefined }): Part[] =>
  pictures.flatMap(({ mimeType, data }) => (data === undefined ? [] : [{ inlineData: { mimeType, data } }]));

const takesPicturesInside = (model: string): boolean => /gemini-([3-9]|\d\d)|computer-use/.test(model);

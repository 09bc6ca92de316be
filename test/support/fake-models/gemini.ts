import { bad, fakeUsage, halves, isSignedBy, isWhole, signature, sse, tooLong, unknownKey } from './common.ts';
import type { FakeRequest, Limits, Refused, Said, Wire } from './server.ts';

// Gemini's models/*:streamGenerateContent?alt=sse.

const known = ['contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig', 'safetySettings'];
const schemaKeys = [
  ...['type', 'description', 'properties', 'required', 'items', 'enum', 'format', 'nullable', 'anyOf', 'title'],
  ...['minItems', 'maxItems', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'default'],
];
type Part = Record<string, unknown>;
type Content = { readonly role: string; readonly parts: readonly Part[] };
const skip = 'skip_thought_signature_validator'; // Google's marker for the calls of other models

function check(request: FakeRequest, limits: Limits): Refused | undefined {
  const { body, headers } = request;
  if (headers['x-goog-api-key'] !== limits.key)
    return bad(`API key not valid: ${headers['x-goog-api-key']}. Please pass a valid API key.`, 'INVALID_ARGUMENT');
  const strange = unknownKey(body, known);
  if (strange) return bad(`Invalid JSON payload received. Unknown name "${strange}": Cannot find field.`);
  for (const { parameters } of body.tools?.[0]?.functionDeclarations ?? []) {
    const wrong = parameters === undefined ? undefined : strangeIn(parameters);
    if (wrong) return bad(`Invalid JSON payload received. Unknown name "${wrong}" at 'tools[0].parameters'.`);
  }
  const tokens = tooLong(request, limits);
  if (tokens)
    return bad(`The input token count (${tokens}) exceeds the maximum number of tokens allowed (${limits.window}).`);
  const contents = body.contents as readonly Content[];
  if (contents.at(-1)?.role !== 'user') return bad('Please ensure that the conversation ends with a user turn.');
  const turnFrom = contents.findLastIndex(({ role, parts }) => role === 'user' && parts.some((part) => 'text' in part));
  for (const [at, { role, parts }] of contents.entries()) {
    const called = parts.filter((part) => 'functionCall' in part);
    const next = (contents[at + 1]?.parts ?? []).filter((part) => 'functionResponse' in part);
    if (parts.length === 0) return bad('contents.parts must not be empty.');
    if (role === 'model' && called.length !== next.length)
      return bad('the number of function response parts is not equal to the number of function call parts.');
    const mark = called[0]?.thoughtSignature;
    if (at > turnFrom && called.length > 0 && mark !== skip && !isSignedBy('gemini', mark))
      return bad(`Function call is missing a thought_signature in functionCall parts, position ${at}.`);
  }
  return undefined;
}

function strangeIn(schema: Record<string, unknown>): string | undefined {
  const wrong = Object.keys(schema).find((key) => !schemaKeys.includes(key));
  if (wrong) return wrong;
  const inner = [...Object.values(schema.properties ?? {}), schema.items, ...((schema.anyOf as unknown[]) ?? [])];
  return inner.flatMap((one) => (one ? [strangeIn(one as Record<string, unknown>)] : [])).find(Boolean);
}

function events(reply: Said, n: number): string[] {
  const { text = '', reasoning, calls = [], stop } = reply;
  const usageMetadata = {
    promptTokenCount: fakeUsage.input,
    cachedContentTokenCount: fakeUsage.cached,
    candidatesTokenCount: fakeUsage.output - fakeUsage.reasoning,
    thoughtsTokenCount: fakeUsage.reasoning,
    totalTokenCount: fakeUsage.input + fakeUsage.output,
  };
  const chunk = (parts: readonly object[], finishReason?: string) =>
    sse({
      candidates: [{ content: { role: 'model', parts }, ...(finishReason && { finishReason }), index: 0 }],
      usageMetadata,
      modelVersion: 'gemini-2.5-flash',
      responseId: `r${n}`,
    });
  const out: string[] = [];
  if (reasoning !== undefined) out.push(chunk([{ text: reasoning, thought: true }]));
  for (const half of halves(text)) out.push(chunk([{ text: half }]));
  if (calls.length > 0)
    out.push(
      chunk(
        calls.map(({ name, args }, k) => ({
          functionCall: { name, args },
          ...(k === 0 && { thoughtSignature: signature('gemini', n) }),
        })),
      ),
    );
  if (!isWhole(reply)) return out;
  out.push(chunk([{ text: '' }], stop === 'length' ? 'MAX_TOKENS' : stop === 'refused' ? 'SAFETY' : 'STOP'));
  return out;
}

export const geminiWire: Wire = {
  check,
  events,
  error: ({ status, message, name }) => ({ error: { code: status, message, status: name ?? 'INVALID_ARGUMENT' } }),
};

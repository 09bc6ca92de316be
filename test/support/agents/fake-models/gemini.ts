import { bad, fakeUsage, halves, isSignedBy, isWhole, signature, sse, tooLong, unknownKey } from './common.ts';
import type { FakeRequest, Limits, RefusedReply, ScriptedReply, WireFormat } from './wire-format.ts';

// Gemini's models/*:streamGenerateContent?alt=sse.

const known = ['contents', 'systemInstruction', 'tools', 'toolConfig', 'generationConfig', 'safetySettings'];
const schemaKeys = [
  ...['type', 'description', 'properties', 'required', 'items', 'enum', 'format', 'nullable', 'anyOf', 'title'],
  ...['minItems', 'maxItems', 'minimum', 'maximum', 'minLength', 'maxLength', 'pattern', 'default'],
];
type ContentPart = Record<string, unknown>;
type Content = { readonly role: string; readonly parts: readonly ContentPart[] };
const skip = 'skip_thought_signature_validator'; // Google's marker for the calls of other models

function check(request: FakeRequest, limits: Limits): RefusedReply | undefined {
  const { body, headers } = request;
  if (headers['x-goog-api-key'] !== limits.key)
    return bad(`API key not valid: ${headers['x-goog-api-key']}. Please pass a valid API key.`, 'INVALID_ARGUMENT');
  const strange = unknownKey(body, known);
  if (strange) return bad(`Invalid JSON payload received. Unknown name "${strange}": Cannot find field.`);
  for (const { parameters } of (body.tools ?? []).flatMap((tool: Tool) => tool.functionDeclarations ?? [])) {
    const wrong = parameters === undefined ? undefined : strangeIn(parameters);
    if (wrong) return bad(`Invalid JSON payload received. Unknown name "${wrong}" at 'tools[0].parameters'.`);
  }
  const wrongComputer = computerUse(request);
  if (wrongComputer) return wrongComputer;
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
    const unacknowledged = called.find((part, n) => demands(part) && !acknowledges(next[n]));
    if (unacknowledged)
      return bad(
        `The safety decision from function call ${nameOf(unacknowledged)} must be acknowledged in the corresponding function response.`,
      );
    const mark = called[0]?.thoughtSignature;
    if (at > turnFrom && called.length > 0 && mark !== skip && !isSignedBy('gemini', mark))
      return bad(`Function call is missing a thought_signature in functionCall parts, position ${at}.`);
  }
  return undefined;
}

interface Tool {
  readonly functionDeclarations?: readonly { readonly name: string; readonly parameters?: Record<string, unknown> }[];
  readonly computerUse?: { readonly environment?: string; readonly excludedPredefinedFunctions?: readonly string[] };
}
const ofBrowser = [
  ...['open_web_browser', 'wait_5_seconds', 'go_back', 'go_forward', 'search', 'navigate', 'click_at', 'hover_at'],
  ...['type_text_at', 'key_combination', 'scroll_document', 'scroll_at', 'drag_and_drop'],
];
const ofDesktop = [
  ...['click', 'double_click', 'triple_click', 'middle_click', 'right_click', 'mouse_down', 'mouse_up', 'move', 'type'],
  ...['drag_and_drop', 'wait', 'press_key', 'key_down', 'key_up', 'hotkey', 'take_screenshot', 'scroll'],
];
/** The models that know the declaration, and their actions in each environment. */
const computers: readonly { knownTo: RegExp; actions: Readonly<Record<string, readonly string[]>> }[] = [
  {
    knownTo: /gemini-2\.5-computer-use|gemini-3-flash-preview|gemini-3\.1-pro-preview/,
    actions: { ENVIRONMENT_BROWSER: ofBrowser },
  },
  {
    knownTo: /gemini-3\.5-flash/,
    actions: {
      ENVIRONMENT_BROWSER: [...ofDesktop, 'go_back', 'go_forward', 'navigate'],
      ENVIRONMENT_DESKTOP: ofDesktop,
    },
  },
];

function computerUse({ path, body }: FakeRequest): RefusedReply | undefined {
  const tools = (body.tools ?? []) as Tool[];
  const declared = tools.filter((tool) => tool.computerUse !== undefined);
  const [{ computerUse: expected = {} } = {}] = declared;
  if (declared.length === 0)
    return /computer-use/.test(path) ? bad('This model requires the use of the Computer Use tool.') : undefined;
  const known = computers.find(({ knownTo }) => knownTo.test(path));
  if (!known || declared.length > 1) return bad('Computer Use is not supported for this model.');
  const strange = unknownKey(expected, ['environment', 'excludedPredefinedFunctions']);
  if (strange) return bad(`Invalid JSON payload received. Unknown name "${strange}" at 'tools[0].computer_use'.`);
  const actions = known.actions[expected.environment ?? ''];
  if (!actions) return bad(`The environment ${expected.environment} is not supported for this model.`);
  const excluded = expected.excludedPredefinedFunctions ?? [];
  const invented = excluded.find((name) => !actions.includes(name));
  if (invented) return bad(`${invented} is not a predefined function.`);
  const names = tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations.map(({ name }) => name));
  const twice = names.find((name) => actions.includes(name) && !excluded.includes(name));
  return twice === undefined ? undefined : bad(`Duplicate function declaration found: ${twice}`);
}

const inside = (part: ContentPart | undefined, key: string) =>
  (part?.[key] ?? {}) as Record<string, Record<string, unknown>>;
const nameOf = (part: ContentPart) => String(inside(part, 'functionCall').name);
const demands = (part: ContentPart) => inside(part, 'functionCall').args?.safety_decision !== undefined;
const acknowledges = (part: ContentPart | undefined) =>
  String(inside(part, 'functionResponse').response?.safety_acknowledgement) === 'true';

function strangeIn(schema: Record<string, unknown>): string | undefined {
  const wrong = Object.keys(schema).find((key) => !schemaKeys.includes(key));
  if (wrong) return wrong;
  const inner = [...Object.values(schema.properties ?? {}), schema.items, ...((schema.anyOf as unknown[]) ?? [])];
  return inner.flatMap((one) => (one ? [strangeIn(one as Record<string, unknown>)] : [])).find(Boolean);
}

function events(reply: ScriptedReply, n: number): string[] {
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

const generates = { supportedGenerationMethods: ['generateContent', 'countTokens'] };
const listed = [
  {
    ...{ name: 'models/gemini-2.5-flash', displayName: 'Gemini 2.5 Flash', ...generates },
    ...{ inputTokenLimit: 1_048_576, outputTokenLimit: 65_536, thinking: true },
  },
  { name: 'models/gemini-embedding-001', supportedGenerationMethods: ['embedContent'], inputTokenLimit: 2_048 },
  { name: 'models/gemini-2.5-flash-preview-tts', displayName: 'Speech', ...generates },
  { name: 'models/gemini-2.5-pro', displayName: 'Gemini 2.5 Pro', inputTokenLimit: 1_048_576, ...generates },
];

/** Two models per page, so that a client that reads only the first page is noticed. */
function list({ path, headers }: Pick<FakeRequest, 'path' | 'headers'>, { key }: Limits): RefusedReply | object {
  if (headers['x-goog-api-key'] !== key) return bad('API key not valid. Please pass a valid API key.');
  const at = Number(new URL(path, 'http://fake').searchParams.get('pageToken') ?? 0);
  return { models: listed.slice(at, at + 2), ...(at + 2 < listed.length && { nextPageToken: String(at + 2) }) };
}

export const geminiWire: WireFormat = {
  list,
  check,
  events,
  error: ({ status, message, name }) => ({ error: { code: status, message, status: name ?? 'INVALID_ARGUMENT' } }),
};

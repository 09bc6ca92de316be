/** A JSON-RPC message, as far as the relay reads it. */
export interface McpMessage {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message?: string };
}
export const rpcErrors = { parse: -32_700, server: -32_000 } as const;

export const failure = (id: McpMessage['id'], code: number, message: string) =>
  JSON.stringify({ jsonrpc: '2.0', id: id ?? null, error: { code, message } });

const named: Readonly<Record<string, string>> = {
  'tools/call': 'name',
  'prompts/get': 'name',
  'resources/read': 'uri',
};

/** The headers that streamable HTTP requires with a message. `version`: negotiated at the start, if any. */
export function requestHeaders(
  { method = '', params }: McpMessage,
  version: string | undefined,
): Record<string, string> {
  const meta = params?._meta as Readonly<Record<string, unknown>> | undefined;
  const claimed = meta?.['io.modelcontextprotocol/protocolVersion'];
  const spoken = typeof claimed === 'string' ? claimed : version;
  const about = params?.[named[method] ?? ''];
  return {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    ...(spoken !== undefined && { 'mcp-protocol-version': spoken }),
    ...(method !== '' && { 'mcp-method': asHeader(method) }),
    ...(typeof about === 'string' && { 'mcp-name': asHeader(about) }),
  };
}

/** Headers hold visible ASCII; the protocol encodes anything else in base64. */
const asHeader = (text: string) =>
  /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith('=?')
    ? text
    : `=?base64?${Buffer.from(text).toString('base64')}?=`;

/** The messages of an answer, as they arrive. */
export async function* readMessages(response: Response): AsyncGenerator<string> {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) {
    const text = await response.text();
    if (text !== '') yield text;
    return;
  }
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    const frames = text.split(/\r?\n\r?\n/);
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const data = frame
        .split(/\r?\n/)
        .flatMap((line) => (line.startsWith('data:') ? [line.slice(5).trimStart()] : []));
      if (data.length > 0) yield data.join('');
    }
  }
}

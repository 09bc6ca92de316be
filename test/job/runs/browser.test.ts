// @module-tag nightly
import { expect, test } from 'vitest';
import { fakeGemini, functionCall, type GeminiReply, parts, text } from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { api } from '../../support/clients/api.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

const act = (...some: object[]): GeminiReply => ({ chunks: [parts(some), parts([{ text: '' }], 'STOP')] });
const shop = `cat > shop.py <<'END'
from http.server import BaseHTTPRequestHandler, HTTPServer
class Shop(BaseHTTPRequestHandler):
    def say(self, html):
        self.send_response(200); self.send_header('content-type', 'text/html'); self.end_headers()
        self.wfile.write(('<!doctype html><title>Shop</title>' + html).encode())
    def do_GET(self):
        self.say('<a href="/order">Order</a>' if self.path == '/' else
            '<form method="post" action="/thanks"><input name="name" aria-label="Your name"><button>Send</button></form>')
    def do_POST(self):
        open('seen.txt', 'wb').write(self.rfile.read(int(self.headers['content-length'])))
        self.say('<h1>Thank you</h1>')
server = HTTPServer(('127.0.0.1', 8099), Shop)
print('open', flush=True)
server.serve_forever()
END
python3 shop.py > shop.log 2>&1 &
until grep -q open shop.log; do sleep 0.1; done`;

interface ToolEvent {
  readonly function: string;
  readonly status: string;
  readonly content: { readonly screenshot?: string } | null;
}

test('an agent orders in a shop, and reaches no unlisted host', async (context) => {
  await needs(context, 'bubblewrap');
  await needs(context, 'chromium');
  await needs(context, 'python');
  let corral = '';
  const calls = () =>
    [
      ['make_plan', { title: 'Order', steps: ['Order a lamp'], acknowledgement: 'On it.' }],
      ['shell_exec', { id: 'main', command: shop }],
      ['browser_navigate', { url: 'http://127.0.0.1:8099/' }],
      ['browser_click', { index: 0 }],
      ['browser_input', { index: 0, text: 'Ada L' }],
      ['browser_click', { index: 1 }],
      ['browser_view', {}],
      ['shell_exec', { id: 'main', command: 'cat seen.txt' }],
      ['browser_console_exec', { javascript: `fetch('${corral}/health').then(() => 'reached', () => 'out of reach')` }],
      ['browser_navigate', { url: 'https://lamps.example/' }],
    ] as const;
  await using gemini = await fakeGemini((_request, n) => {
    const expected = calls()[n];
    return expected ? act(functionCall(expected[0], expected[1], `sign${n}`)) : { chunks: [text('Done.', 'STOP')] };
  });
  await using server = await serverProcess({
    CORRAL_DRIVER: 'process',
    CORRAL_SANDBOX_DESKTOP: 'true',
    CORRAL_SANDBOX_MEMORY: '2GiB',
    CORRAL_EGRESS_POLICY: 'none',
    CORRAL_MODEL: 'gemini/gemini-2.5-flash',
    GEMINI_API_KEY: canaryKey,
    CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
  });
  corral = server.url;
  const client = api(server.url);
  const id = await client.create();
  const body = { message: 'Order a lamp' };
  using stream = await openStream(`${server.url}/api/v1/sessions/${id}/chat`, { method: 'POST', body });
  await stream.ended;

  const outputs = gemini.requests
    .at(-1)
    ?.body.contents.flatMap(({ parts: some }: { parts: { functionResponse?: { response: object } }[] }) =>
      some.flatMap((part) => (part.functionResponse ? [JSON.stringify(part.functionResponse.response)] : [])),
    ) as string[];
  const reply = outputs.join('\n');
  expect(reply, server.output()).toContain('name=Ada+L');
  expect(reply).toContain('# Thank you');
  expect(reply).toContain('out of reach');
  expect(reply).toContain('Blocked: egress to lamps.example:443 refused');
  const pictures = JSON.stringify(gemini.requests.at(-1)?.body.contents).match(
    /"inlineData":\{"mimeType":"image\/jpeg"/g,
  );
  // All of them: only if there are more than twelve, older ones are left out. A late one is missing on a busy machine.
  expect(pictures?.length).toBeGreaterThanOrEqual(6);

  const tools = stream.events().flatMap(({ event, data }) => (event === 'tool' ? [data as ToolEvent] : []));
  const shots = tools.flatMap(({ content }) => content?.screenshot ?? []);
  expect(shots.length).toBeGreaterThanOrEqual(6);
  const shot = await fetch(server.url + shots[0]);
  expect(shot.headers.get('content-type')).toBe('image/jpeg');
  expect((await shot.arrayBuffer()).byteLength).toBeGreaterThan(1_000);

  expect([(await client.remove(id)).status, (await fetch(server.url + shots[0])).status]).toEqual([200, 404]);
});

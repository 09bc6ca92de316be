// @module-tag all
// Pages of the web in a run, through the egress rules of its sandbox, on Docker and in a process.
import { createServer } from 'node:http';
import { expect, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { fakeGemini, functionCall, type GeminiReply, parts, text } from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { follow } from '../../support/clients/followed.ts';
import { standIn } from '../../support/egress/egress.ts';
import { realServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const fetching = (url: string): GeminiReply => ({
  chunks: [parts([functionCall('web_fetch', { url })]), parts([{ text: '' }], 'STOP')],
});
const say = (said: string): GeminiReply => ({ chunks: [text(said, 'STOP')] });

inEachWorld('process', 'web_fetch on $driver', (world) => {
  test('brings pages as Markdown and obeys the egress rules at each redirect', async (context) => {
    await using site = await standIn(
      createServer((req, res) => {
        if (req.url === '/away') return void res.writeHead(302, { location: 'http://10.11.12.13/secret' }).end();
        res.writeHead(200, { 'content-type': 'text/html' });
        res.end(
          `<title>Site</title><nav>Menu</nav><h1>Hello</h1><a href="/next">next</a>${'<p>line</p>'.repeat(5_000)}`,
        );
      }),
    );
    const base = `http://127.0.0.1:${site.port}`;
    await using gemini = await fakeGemini([
      {
        chunks: [
          parts([functionCall('make_plan', { title: 'Read', steps: ['Read'], acknowledgement: 'On it.' })]),
          parts([{ text: '' }], 'STOP'),
        ],
      },
      ...[
        fetching(`${base}/page`),
        fetching(`${base}/away`),
        fetching('http://127.0.0.2:9/'),
        say('Read.'),
        say('Done.'),
      ],
    ]);
    await using real = await realServer(context, world, {
      CORRAL_MODEL: 'gemini/gemini-2.5-flash',
      GEMINI_API_KEY: canaryKey,
      CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
      CORRAL_EGRESS_POLICY: 'allow-list',
      CORRAL_EGRESS_ALLOW: `127.0.0.1:${site.port}`,
      CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.1/32',
    });
    const id = await real.ready();
    using corral = createCorralClient({ url: real.server.url, transport: 'ws' });
    using seen = follow(corral, id);
    await corral.runs.send.mutate({ sessionId: id, text: 'Read the site' });
    await expect.poll(() => seen.events.some(({ type }) => type === 'run.end')).toBe(true);
    const called = seen.events.flatMap((event) =>
      event.type === 'tool.called' && event.data.function === 'web_fetch' ? [event.data] : [],
    );
    expect(called, real.server.output()).toHaveLength(3);
    const [page, away, refused] = called;
    expect(page).toMatchObject({ success: true, output: expect.stringMatching(/^Site — http:\S+\/page\n\n# Hello/) });
    expect(page?.output).toContain(`[next](${base}/next)`);
    expect(page?.output).not.toContain('Menu');
    const asked = JSON.stringify(gemini.requests);
    const [path = ''] = /\.corral\/output\/\S+?\.md/.exec(asked) ?? [];
    const lines = await corral.sandbox.exec.mutate({ sessionId: id, command: `grep -c '^line$' ${path}` });
    expect(lines.stdout).toBe('5000\n');
    expect(away).toMatchObject({
      success: false,
      output: expect.stringMatching(/^egress to 10\.11\.12\.13:80 refused: not on the list/),
    });
    expect(refused).toMatchObject({ success: false, output: expect.stringContaining('egress to 127.0.0.2:9 refused') });
    const decisions = seen.events.flatMap((event) =>
      event.type === 'egress' ? [`${event.data.decision} ${event.data.host}:${event.data.port}`] : [],
    );
    expect(decisions).toEqual(
      expect.arrayContaining([`allowed 127.0.0.1:${site.port}`, 'refused 10.11.12.13:80', 'refused 127.0.0.2:9']),
    );
  });
});

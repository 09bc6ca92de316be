// @module-tag all
// Two real tool servers at work in a run: one inside the sandbox over its pipes, one over HTTP.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { callReply, fakeGemini, type GeminiReply, text } from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { follow } from '../../support/clients/followed.ts';
import { everythingServer } from '../../support/egress/everything-server.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { worldServer } from '../../support/servers/real-server.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { inEachWorld } from '../../support/worlds.ts';

const require = createRequire(import.meta.url);
const say = (words: string): GeminiReply => ({ chunks: [text(words, 'STOP')] });

/** The filesystem server as one file, because sandboxes of tests have no registry. */
async function filesServer(): Promise<string> {
  using folder = temporaryFolder();
  const outfile = join(folder.path, 'server.mjs');
  await build({
    entryPoints: [require.resolve('@modelcontextprotocol/server-filesystem/dist/index.js')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    logLevel: 'warning',
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  return await readFile(outfile, 'utf8');
}

inEachWorld('process', 'tool servers on $driver', (world) => {
  test('serve a run over both transports', async (context) => {
    const port = await freePort();
    await everythingServer(port);
    await using gemini = await fakeGemini([
      callReply('make_plan', { title: 'Use tools', steps: ['Use them'], acknowledgement: 'On it.' }),
      callReply('mcp_files_write_file', { path: '/workspace/note.txt', content: 'from a tool server' }),
      callReply('mcp_docs_get-sum', { a: 20, b: 22 }),
      callReply('mcp_docs_get-tiny-image', {}),
      callReply('mcp_files_read_text_file', { path: '/workspace/note.txt' }),
      say('Used them all.'),
      say('Done.'),
    ]);
    await using real = await worldServer(context, world, {
      CORRAL_MODEL: 'gemini/gemini-2.5-flash',
      GEMINI_API_KEY: canaryKey,
      CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
      CORRAL_EGRESS_ALLOW_RANGES: '127.0.0.0/8',
      CORRAL_MCP_SERVERS: JSON.stringify({
        files: { command: 'node', args: ['/workspace/server.mjs', '/workspace'] },
        docs: { url: `http://127.0.0.1:${port}/mcp`, tools: ['get-sum', 'get-tiny*'] },
      }),
    });
    const id = await real.ready();
    using corral = createCorralClient({ url: real.server.url, transport: 'ws' });
    const shell = (command: string) => corral.sandbox.exec.mutate({ sessionId: id, command });
    await corral.files.write.mutate({ sessionId: id, path: 'server.mjs', content: await filesServer() });

    using seen = follow(corral, id);
    const called = (name: string) =>
      seen.events.flatMap((event) =>
        event.type === 'tool.called' && event.data.function === name ? [event.data] : [],
      );
    await corral.runs.send.mutate({ sessionId: id, text: 'Use the tool servers' });

    await seen.toEnd();
    expect(seen.events.at(-1)).toMatchObject({ type: 'run.end', data: { status: 'completed' } });
    expect(called('mcp_files_write_file'), real.server.output()).toMatchObject([{ success: true, tool: 'mcp' }]);
    expect((await shell('cat note.txt')).stdout).toBe('from a tool server');
    expect(called('mcp_docs_get-sum')).toMatchObject([{ success: true, output: expect.stringContaining('42') }]);
    const [image] = called('mcp_docs_get-tiny-image');
    expect(image).toMatchObject({
      success: true,
      output: expect.stringMatching(/image\/png, \d+ bytes: \.corral\/output\//),
    });
    const path = /\.corral\/output\/\S+\.png/.exec(image?.output ?? '')?.[0];
    expect((await shell(`head -c 4 ${path} | tail -c 3`)).stdout).toBe('PNG');
    const read = [{ success: true, output: expect.stringContaining('from a tool server') }];
    expect(called('mcp_files_read_text_file')).toMatchObject(read);
  });
});

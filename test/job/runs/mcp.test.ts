// @module-tag all
// Two real tool servers at work in a run: one inside the sandbox over its pipes, one over HTTP.
import { mkdtemp, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, onTestFinished, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { fakeGemini, functionCall, type GeminiReply, parts, text } from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { follow } from '../../support/clients/followed.ts';
import { everythingServer } from '../../support/egress/everything-server.ts';
import { freePort } from '../../support/servers/free-port.ts';
import { worldServer } from '../../support/servers/real-server.ts';
import { removeFolder } from '../../support/stores/store.ts';
import { inEachWorld } from '../../support/worlds.ts';

const require = createRequire(import.meta.url);
const act = (name: string, args: object): GeminiReply => ({
  chunks: [parts([functionCall(name, args)]), parts([{ text: '' }], 'STOP')],
});
const say = (words: string): GeminiReply => ({ chunks: [text(words, 'STOP')] });

/** The filesystem server as one file, because sandboxes of tests have no registry. */
async function filesServer(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-mcp-'));
  onTestFinished(() => removeFolder(folder));
  const outfile = join(folder, 'server.mjs');
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
  test('serve a run over both transports, and a server that dies in a call is one clear error', async (context) => {
    const port = await freePort();
    const everything = await everythingServer(port);
    await using gemini = await fakeGemini([
      act('make_plan', { title: 'Use tools', steps: ['Use them'], acknowledgement: 'On it.' }),
      act('mcp_files_write_file', { path: '/workspace/note.txt', content: 'from a tool server' }),
      act('mcp_docs_get-sum', { a: 20, b: 22 }),
      act('mcp_docs_get-tiny-image', {}),
      act('mcp_files_read_text_file', { path: '/workspace/pipe' }),
      act('mcp_files_read_text_file', { path: '/workspace/note.txt' }),
      act('mcp_docs_trigger-long-running-operation', { duration: 60, steps: 300 }),
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
        docs: { url: `http://127.0.0.1:${port}/mcp`, tools: ['get-sum', 'get-tiny-image', 'trigger-long*'] },
      }),
    });
    const id = await real.ready();
    using corral = createCorralClient({ url: real.server.url, transport: 'ws' });
    const shell = (command: string) => corral.sandbox.exec.mutate({ sessionId: id, command });
    await corral.files.write.mutate({ sessionId: id, path: 'server.mjs', content: await filesServer() });
    await shell('mkfifo pipe');

    using seen = follow(corral, id);
    const called = (name: string) =>
      seen.events.flatMap((event) =>
        event.type === 'tool.called' && event.data.function === name ? [event.data] : [],
      );
    const calling = (name: string) =>
      seen.events.some((event) => event.type === 'tool.calling' && event.data.function === name);
    const output = () => seen.events.some(({ type }) => type === 'tool.output');
    const patience = { interval: 50 };
    await corral.runs.send.mutate({ sessionId: id, text: 'Use the tool servers' });

    await expect.poll(() => calling('mcp_files_read_text_file'), patience).toBe(true);
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

    await shell('kill -9 $(grep -l server.mjs /proc/[0-9]*/cmdline 2>/dev/null | cut -d/ -f3) 2>/dev/null; true');
    await expect.poll(() => called('mcp_files_read_text_file').length, patience).toBe(2);
    expect(called('mcp_files_read_text_file')).toMatchObject([
      { success: false, output: expect.stringMatching(/^The tool server files stopped: it ended with exit code 137/) },
      { success: true, output: expect.stringContaining('from a tool server') },
    ]);

    await expect.poll(output, patience).toBe(true);
    everything.kill('SIGKILL');
    await expect.poll(() => called('mcp_docs_trigger-long-running-operation').length, patience).toBe(1);
    expect(called('mcp_docs_trigger-long-running-operation')).toMatchObject([
      {
        success: false,
        output: 'The tool server docs stopped: its connection was interrupted. The next call starts it again.',
      },
    ]);
    await seen.toEnd();
    expect(seen.events.at(-1)).toMatchObject({ type: 'run.end', data: { status: 'completed' } });
  });
});

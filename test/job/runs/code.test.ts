// @module-tag all
// Code with state in a run, on Docker and in a process.
import { expect, test } from 'vitest';
import { createCorralClient } from '../../../src/client/index.ts';
import { callReply, fakeGemini, type GeminiReply, text } from '../../support/agents/fake-gemini.ts';
import { canaryKey } from '../../support/agents/gemini.ts';
import { follow } from '../../support/clients/followed.ts';
import { worldServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const run = (language: string, code: string) => callReply('code_execute', { language, code });
const say = (spoken: string): GeminiReply => ({ chunks: [text(spoken, 'STOP')] });
const plan = callReply('make_plan', { title: 'Compute', steps: ['Compute'], acknowledgement: 'On it.' });
/** An image without a package, of the same kind as matplotlib figures. */
const picture = `
import base64
class Plot:
    def _repr_png_(self):
        return base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')
Plot()`;

inEachWorld('process', 'code on $driver', (world) => {
  test('keeps its variables between the calls of a run and between runs, and a stop ends its processes', async (context) => {
    await using gemini = await fakeGemini([
      plan,
      run('python', "total = 40\nprint('set')"),
      run('javascript', 'const words = ["a", "b"]; words.length'),
      run('python', 'total + 2'),
      run('python', picture),
      run('python', '1 / 0'),
      say('Computed.'),
      say('Done.'),
      plan,
      run(
        'python',
        "import subprocess, time\nsubprocess.Popen(['sleep', '926'])\nprint(total, flush=True)\ntime.sleep(600)",
      ),
    ]);
    await using real = await worldServer(context, world, {
      CORRAL_MODEL: 'gemini/gemini-2.5-flash',
      GEMINI_API_KEY: canaryKey,
      CORRAL_MODELS_GEMINI_BASE_URL: gemini.url,
    });
    const id = await real.ready();
    using corral = createCorralClient({ url: real.server.url, transport: 'ws' });
    using seen = follow(corral, id);
    const called = () =>
      seen.events.flatMap((event) =>
        event.type === 'tool.called' && event.data.function === 'code_execute' ? [event.data] : [],
      );
    const patience = { interval: 50 };
    await corral.runs.send.mutate({ sessionId: id, text: 'Compute' });
    await expect.poll(() => called().length, patience).toBe(5);
    const [first, words, sum, plot, failed] = called();
    expect(first, real.server.output()).toMatchObject({
      tool: 'code',
      success: true,
      output: '[A new Python kernel: it has no variables of earlier calls.]\nset',
    });
    expect(words).toMatchObject({ success: true, output: expect.stringMatching(/JavaScript kernel[\s\S]*\n2$/) });
    expect(sum).toMatchObject({ success: true, output: '42' });
    const path = /\.corral\/output\/\S+\.png/.exec(plot?.output ?? '')?.[0];
    const head = await corral.sandbox.exec.mutate({ sessionId: id, command: `head -c 4 ${path} | tail -c 3` });
    expect(head.stdout).toBe('PNG');
    const expected = { success: false, output: expect.stringMatching(/ZeroDivisionError: division by zero$/) };
    expect(failed).toMatchObject(expected);
    const seesPicture = () => gemini.requests.some((request) => JSON.stringify(request).includes('inlineData'));
    expect(seesPicture()).toBe(true);
    await expect.poll(() => seen.events.some(({ type }) => type === 'run.end'), patience).toBe(true);

    await corral.runs.send.mutate({ sessionId: id, text: 'Again' });
    const printed = () => seen.events.some((event) => event.type === 'tool.output' && event.data.text.includes('40'));
    await expect.poll(printed, patience).toBe(true);
    const sleeps = async () =>
      (
        await corral.sandbox.exec.mutate({ sessionId: id, command: 'cat /proc/[0-9]*/cmdline | tr "\\0" " "' })
      ).stdout.includes('sleep 926');
    expect(await sleeps()).toBe(true);
    await corral.runs.stop.mutate({ sessionId: id });
    await expect.poll(sleeps).toBe(false);
  });
});

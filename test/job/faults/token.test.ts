// @module-tag all
// No program in a sandbox can find the daemon's token: not in memory, not in files, not during the start.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { fence, run } from '../../support/clients/api.ts';
import { needs } from '../../support/servers/components.ts';
import { worldServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const thief = join(import.meta.dirname, '../../support/hostile/token-thief.py');
const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

inEachWorld('process', 'in $driver', (world) => {
  test('a hostile program cannot find the token or trace other processes, and its connections are refused', async (context) => {
    if (world.driver === 'process') await needs(context, 'python');
    await using real = await worldServer(context, world);
    const id = await real.ready();
    const meta = join(real.server.data, 's', sandboxIdOf(id as SessionId), 'meta.json');
    const { token } = JSON.parse(await readFile(meta, 'utf8')) as { token: string };
    // A control: the thief does find a word that only the memory of another process of the same user contains.
    const word = ['not', 'a', 'secret', 'but', 'to', 'be', 'found'];
    const victim = `import time; kept = '-'.join(${JSON.stringify(word)}); time.sleep(600)`;
    await real.client.chat(
      id,
      `${fence('file:thief.py', await readFile(thief, 'utf8'))}\n${fence('file:victim.py', victim)}`,
    );
    const command = `(setsid python3 victim.py &) ; sleep 1; setsid -f python3 thief.py ${hashOf(token)} ${hashOf(word.join('-'))} > report 2>&1`;
    await real.client.chat(id, fence('sh', command));
    const report = async () => {
      const { body } = await real.client.ask('POST', `/${id}/file`, { file: 'report' });
      return (body.data as { content: string } | null)?.content ?? '';
    };
    await expect.poll(report, { interval: 100 }).toMatch(/REPORT|Error/);
    const text = await report();
    expect(text).toContain('REPORT');
    const { found, tried, answers } = JSON.parse(text.slice(text.indexOf('{'))) as {
      found: Record<string, string[]>;
      tried: Record<string, [number, number]>;
      answers: string[];
    };
    expect(found[hashOf(token)]).toBeUndefined();
    expect(found[hashOf(word.join('-'))]).not.toEqual([]);
    expect(Object.keys(found)).toEqual([hashOf(word.join('-'))]);
    for (const what of ['trace', 'read another memory', 'debugger'])
      expect(tried[what], what).toEqual([0, expect.any(Number)]);
    expect(tried['environ while starting']?.[1], 'looks at a daemon that starts').toBeGreaterThan(0);
    expect(answers).toEqual(['no', 'no']);
    if (world.driver === 'docker') {
      const [container = ''] = await world.running(id);
      expect((await run('docker', ['inspect', container])).stdout).not.toContain(token);
    }
    // The sandbox continues, with a daemon that process 1 started again.
    expect(await real.says(id, 'echo alive')).toContain('alive');
    await real.holds(id);
  });
});

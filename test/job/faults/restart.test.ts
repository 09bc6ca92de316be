import { expect } from 'vitest';
import { fence } from '../../support/clients/api.ts';
import { testRows } from '../../support/runner/tags.ts';
import { reaches, realServer } from '../../support/servers/real-server.ts';
import { inEachWorld } from '../../support/worlds.ts';

const lines = Array.from({ length: 60 }, (_, n) => `line ${n + 1} ✓`);
const task = `${fence('sh', 'for i in $(seq 60); do echo "line $i ✓"; sleep 0.1; done; echo once >> ran')}\n${fence('sh', 'cat ran')}`;

inEachWorld('process', 'a restart with $driver', (world) => {
  testRows(['SIGKILL', 'SIGTERM'])(
    'F001 F038 %s: a command keeps running without the server, and its output continues at the right byte',
    async (signal, context) => {
      await using real = await realServer(context, world);
      const id = await real.ready();
      const before = await world.running(id);
      await real.client.send(id, task);
      await reaches(() => real.factsOf(id, 'tool.output').length > 3);
      real.server.kill(signal);
      await real.server.exit;
      const reported = real.factsOf(id, 'tool.output').length;
      expect(real.factsOf(id, 'tool.called'), 'the command must still be running').toEqual([]);
      await real.server.restart();
      await real.rests(id);

      const [first, second, ...more] = real.factsOf(id, 'tool.called');
      expect(more).toEqual([]);
      const whole = `${lines.join('\n')}\n`;
      expect(first?.data).toMatchObject({ success: true, exitCode: 0, output: whole });
      expect(second?.data).toMatchObject({ output: 'once\n' });
      const live = real.factsOf(id, 'tool.output').filter(({ data }) => data.callId === first?.data.callId);
      expect(live.map(({ data }) => data.text).join('')).toBe(whole);
      expect(live.length).toBeGreaterThan(reported);
      expect(real.factsOf(id, 'run.notice')).toMatchObject([{ data: { kind: 'resumed_after_restart' } }]);
      expect(real.factsOf(id, 'run.end')).toMatchObject([{ data: { status: 'completed' } }]);
      expect(await world.running(id)).toEqual(before);
      await real.holds(id);
    },
  );
});

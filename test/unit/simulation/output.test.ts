import { expect, test } from 'vitest';
import { facing, http } from '../../support/facing.ts';
import { Dice } from '../../support/simulation/dice.ts';

const health = http(JSON.stringify({ version: '1', bootId: 'b', idleMs: 0, oomKills: 0 }));
const piece = (content: Buffer) =>
  Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from('\r\n')]);

test('F096 output over connections that break at any byte is told once, in order, without a gap', async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const dice = new Dice(seed);
    const whole = Buffer.from(Array.from({ length: dice.between(1, 4_000) }, (_, n) => (n * 31 + seed) % 251));
    const breaks = dice.between(1, 3);
    const asked: number[] = [];
    const client = await facing((socket) => {
      socket.once('data', (request) => {
        // On a busy machine the client asks whether the daemon still answers.
        if (String(request).startsWith('GET /health ')) return void socket.end(health);
        const from = Number(/from=(\d+)/.exec(String(request))?.[1]);
        asked.push(from);
        const parts = ['HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: corral-operation\r\n\r\n'].map(
          Buffer.from,
        );
        for (let at = from; at < whole.length; ) {
          const next = Math.min(whole.length, at + dice.between(1, 500));
          parts.push(piece(whole.subarray(at, next)));
          at = next;
        }
        const result = {
          id: 'o',
          state: 'exited',
          exitCode: 0,
          bytes: whole.length,
          spool: 'o.log',
          pid: 1,
          startedAt: 1,
        };
        parts.push(Buffer.from(`0\r\ncorral-operation: ${JSON.stringify(result)}\r\n\r\n`));
        const answer = Buffer.concat(parts);
        // The cut can be in the header, in the frame of a piece, in a piece, or in the result.
        socket.end(asked.length <= breaks ? answer.subarray(0, dice.between(0, answer.length - 1)) : answer);
      });
    });
    const got: Uint8Array[] = [];
    const ended = await client.follow('o', 0, (chunk) => got.push(chunk), AbortSignal.timeout(20_000));
    expect(ended, `seed ${seed}`).toMatchObject({ exitCode: 0, bytes: whole.length });
    expect(Buffer.concat(got).equals(whole), `seed ${seed}`).toBe(true);
    expect(asked).toHaveLength(breaks + 1);
    expect(asked).toEqual(asked.toSorted((a, b) => a - b));
  }
});

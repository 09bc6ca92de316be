import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTailBuffer } from '../../../sandbox-images/sandboxd/shells/operation.ts';
import { createExitMarkerFinder } from '../../../sandbox-images/sandboxd/shells/terminal.ts';

const chunks = fc.array(fc.uint8Array({ max: 0x7f, maxLength: 40 }), { maxLength: 30 });

test('a tail has the last whole characters, and one that is incomplete only after its close', () => {
  const text = 'aé漢🤖';
  for (let cap = 1; cap <= 10; cap++) {
    const kept = createTailBuffer(cap);
    kept.push(Buffer.from(text));
    expect(text).toContain(kept.text());
    kept.push(Buffer.from('🤖').subarray(0, 3));
    expect(`${text}🤖`).toContain(kept.text());
  }
  const kept = createTailBuffer(10);
  kept.push(Buffer.from([0x61, 0xf0, 0x9f]));
  kept.close();
  expect(kept.text()).toBe('a\uFFFD');
});

test('a tail is the last bytes of all that was pushed, before and after its close', () => {
  fc.assert(
    fc.property(chunks, chunks, fc.integer({ min: 1, max: 64 }), (first, second, cap) => {
      const kept = createTailBuffer(cap);
      for (const chunk of first) kept.push(chunk);
      kept.close();
      for (const chunk of second) kept.push(chunk);
      expect(kept.text()).toBe(
        Buffer.concat([...first, ...second])
          .subarray(-cap)
          .toString(),
      );
    }),
  );
});

test('a mark is found wherever the chunks are cut, and no byte around it is lost', () => {
  const mark = '\x1eaab.';
  const text = fc.string({ unit: fc.constantFrom('\x1e', 'a', 'b', '.', ';'), maxLength: 30 });
  fc.assert(
    fc.property(text, text, fc.nat(255), fc.array(fc.nat(60), { maxLength: 8 }), (before, after, code, cuts) => {
      fc.pre(!`${before}${mark}`.slice(0, -1).includes(mark));
      const all = Buffer.from(`${before}${mark}${code};${after}`);
      const finder = createExitMarkerFinder(mark);
      const seen = { before: '', after: '', exitCode: -1 };
      const edges = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
      for (const [index, edge] of edges.slice(1).entries()) {
        const chunk = all.subarray(edges[index], edge);
        if (seen.exitCode >= 0) seen.after += chunk.toString();
        else {
          const found = finder.push(chunk);
          seen.before += found.before.toString();
          seen.after += found.after.toString();
          seen.exitCode = found.exitCode ?? -1;
        }
      }
      expect(seen).toEqual({ before, after, exitCode: code });
    }),
  );
});

test('a stream without the mark passes all its bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('\x1e', '\x1ea', '\x1eaa', 'b', 'xyz')), (parts) => {
      const finder = createExitMarkerFinder('\x1eaab.');
      const out = parts.map((part) => finder.push(Buffer.from(part)).before.toString());
      expect([...out, finder.rest().toString()].join('')).toBe(parts.join(''));
    }),
  );
});

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BoundedOutput, toModelText, truncateOutput } from '../../../../src/agents/tools/output.ts';

test('a short output is shown to the model as it is', () =>
  expect(toModelText({ ok: true, output: 'hi\n', exitCode: 0 })).toBe('hi\n'));

test('a command that failed says how before its output', () => {
  expect(toModelText({ ok: false, reason: 'failed', output: 'no\n', exitCode: 2 })).toBe('[exit code 2]\nno\n');
  expect(toModelText({ ok: false, reason: 'timed_out', output: '', exitCode: 124 })).toBe(
    '[exit code 124, timed out]\n',
  );
});

test('a long output loses its middle and points to the whole', () => {
  const output = `${'a'.repeat(20_000)}END`;
  const shown = toModelText({ ok: true, output, rest: 'All of it is in .corral/output/op1.log.' });
  expect(shown).toMatch(
    /^a{8000}\n\[… 4003 characters left out\. All of it is in \.corral\/output\/op1\.log\. …\]\na+END$/,
  );
  expect(shown.length).toBeLessThan(16_200);
});

test('a text within bounds is kept byte by byte, however it is cut into chunks', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 30 }), (chunks) => {
      const output = new BoundedOutput();
      for (const chunk of chunks) output.add(chunk);
      expect(output.text()).toBe(Buffer.concat(chunks).toString());
    }),
  );
});

test('the cut counts the bytes that it leaves out, and splits no character', () => {
  const text = 'é'.repeat(100_001);
  const [, head = '', left, tail = ''] = /^(é+)\n\[… (\d+) bytes left out …\]\n(é+)$/.exec(truncateOutput(text)) ?? [];
  expect(2 * (head.length + tail.length) + Number(left)).toBeGreaterThanOrEqual(200_000);
  expect(truncateOutput(`x${text}`)).not.toContain('\uFFFD'); // odd at the head
  expect(truncateOutput(`${text}x`)).not.toContain('\uFFFD'); // odd at the tail
});

test('long output keeps exactly its first and last 32 KiB, whatever its chunks', () => {
  const half = 32 * 1024;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40_000 }), { minLength: 4, maxLength: 12 }), (sizes) => {
      let n = 0;
      const chunks = sizes.map((size) => Buffer.from(Array.from({ length: size }, () => 33 + (n++ % 89))));
      const output = new BoundedOutput();
      for (const chunk of chunks) output.add(chunk);
      const all = Buffer.concat(chunks);
      const middle = all.length - 2 * half;
      const cut = `${all.subarray(0, half)}\n[… ${middle} bytes left out …]\n${all.subarray(-half)}`;
      expect(output.text()).toBe(middle > 0 ? cut : all.toString());
    }),
    { numRuns: 30 },
  );
});

test('text is kept like its bytes, and no pair of surrogates is cut on the way', () => {
  const text = `x${'😀'.repeat(20_000)}`;
  const [asText, asBytes] = [new BoundedOutput(), new BoundedOutput()];
  asText.addText(text);
  asBytes.add(Buffer.from(text));
  expect(asText.text()).toBe(asBytes.text());
  expect(asText.text()).not.toContain('\uFFFD');
});

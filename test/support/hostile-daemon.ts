// Stand-ins for the daemon, for tests of what the server accepts from a hostile sandbox.
const MiB = 1024 * 1024;
const flood = (block: string) =>
  `const b = ${block}; const go = () => { while (s.write(b)); }; s.on('drain', go); go();`;
const head = (length: number) => `s.write('HTTP/1.1 200 OK\\r\\ncontent-length: ${length}\\r\\n\\r\\n');`;
/** Hostile answers, each a statement that writes to the connection `s`. */
export const garbage = {
  'an answer of 64 MiB': head(64 * MiB) + flood(`Buffer.alloc(1 << 20, '"')`),
  'an answer as deep as it is long': head(16_000) + `s.write('['.repeat(16000));`,
  'a million values in 16 MiB': head(16 * MiB - 1) + `s.write('[' + '1,'.repeat((${16 * MiB} - 4) / 2) + '1]');`,
  'another shape': head(1) + `s.write('1');`,
  'headers without end':
    `s.write('HTTP/1.1 200 OK\\r\\n');` + flood(`Buffer.from('x: ' + 'y'.repeat(60000) + '\\r\\n')`),
  'chunks of one byte without end':
    `s.write('HTTP/1.1 200 OK\\r\\ntransfer-encoding: chunked\\r\\n\\r\\n');` +
    flood(`Buffer.from('1\\r\\n"\\r\\n'.repeat(10000))`),
  'answers before the answer without end': flood(`Buffer.from('HTTP/1.1 103 X\\r\\n\\r\\n'.repeat(1000))`),
  'no HTTP': flood(`Buffer.alloc(65536, 1)`),
} as const;

/** A program that replaces the daemon: it sends the daemon's hello, and answers each request with `answer`. */
export const standIn = (answer: string) => `
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
const token = process.env.CORRAL_TOKEN_FILE ? readFileSync(0, 'utf8').trim() : process.env.CORRAL_SANDBOXD_TOKEN;
const dial = () => {
  const s = connect((process.env.CORRAL_RUN_DIR ?? '/run/corral') + '/control');
  let greeted = false;
  s.on('error', () => {});
  s.once('close', () => setTimeout(dial, 10));
  s.write(JSON.stringify({ corral: 1, version: '0', boot: 'stand-in', token, sparing: true }) + '\\n');
  s.on('data', (chunk) => {
    const text = String(chunk);
    if (!greeted) greeted = text.startsWith('ok');
    if (/ HTTP\\/1.1/.test(text)) { ${answer} }
  });
};
for (let n = 0; n < 4; n++) dial();
setInterval(() => {}, 1000);
`;

/** Answers each request with a random kind of garbage. */
export const anyGarbage = `[${Object.values(garbage)
  .map((answer) => `() => { ${answer} }`)
  .join(', ')}][Math.floor(Math.random() * ${Object.keys(garbage).length})]();`;

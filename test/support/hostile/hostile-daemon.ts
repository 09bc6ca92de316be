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

const chunked = (more = '') => `s.write('HTTP/1.1 200 OK\\r\\n${more}transfer-encoding: chunked\\r\\n\\r\\n');`;
const ending = (trailer: string) => `s.write('0\\r\\n' + ${trailer} + '\\r\\n\\r\\n');`;
const upgraded = `s.write('HTTP/1.1 101 X\\r\\nconnection: upgrade\\r\\nupgrade: corral-stream\\r\\n\\r\\n');`;
/** Hostile streams: what comes after a head that breaks no rule. */
export const hostileStreams = {
  'output without end': chunked() + flood(`Buffer.from('10000\\r\\n' + 'x'.repeat(65536) + '\\r\\n')`),
  'output in chunks of one byte': chunked() + flood(`Buffer.from('1\\r\\nx\\r\\n'.repeat(10000))`),
  'an end that is no operation': chunked('trailer: corral-operation\\r\\n') + ending(`'corral-operation: [1]'`),
  'an end without end':
    chunked('trailer: corral-operation\\r\\n') + ending(`'corral-operation: ' + '['.repeat(1 << 20)`),
  'the end of a terminal that none has': chunked('trailer: corral-terminal\\r\\n') + ending(`'corral-terminal: burnt'`),
  'no message': upgraded + `s.write('no message\\0');`,
  'a message of another shape': upgraded + `s.write('[1]\\0');`,
  'messages of another shape without end': upgraded + flood(`Buffer.from('{"id":"x"}\\0'.repeat(10000))`),
  'a message without end': upgraded + flood(`Buffer.alloc(65536, '"')`),
  'a message as deep as it is long': upgraded + `s.write('['.repeat(1 << 20) + '\\0');`,
  'messages without end': upgraded + flood(`Buffer.from('{"method":"x"}\\0'.repeat(10000))`),
  'no display': upgraded + flood(`Buffer.alloc(65536, 1)`),
  'pixels without end': upgraded + `s.write('RFB 003.008\\n');` + flood(`Buffer.alloc(65536, 1)`),
} as const;

const healthy = JSON.stringify({ version: '0', bootId: 'stand-in', idleMs: 0, oomKills: 0 });
/** Answers health checks as the daemon does, and everything else by the statement. */
export const healthyBut = (answer: string) =>
  `if (/^GET \\/health /.test(text)) s.write('HTTP/1.1 200 OK\\r\\ncontent-length: ${healthy.length}\\r\\n\\r\\n${healthy}');
   else { ${answer} }`;

/** A program that replaces the daemon: it sends the daemon's hello, and answers each request with `answer`. */
export const standIn = (answer: string) => `
const { readFileSync } = await import('node:fs');
const { connect } = await import('node:net');
const token = process.env.CORRAL_TOKEN_FILE ? readFileSync(0, 'utf8').trim() : process.env.CORRAL_SANDBOXD_TOKEN;
const dial = (boot) => {
  const s = connect((process.env.CORRAL_RUN_DIR ?? '/run/corral') + '/control');
  s.on('error', () => {});
  s.once('close', () => setTimeout(dial, 10, boot));
  s.write(JSON.stringify({ corral: 1, version: '0', boot, token, sparing: true }) + '\\n');
  s.on('data', (chunk) => {
    const text = String(chunk).replace(/^ok\\n/, ''); // the first request can come with the greeting
    if (/ HTTP\\/1.1/.test(text)) { ${answer} }
  });
};
for (let n = 0; n < 4; n++) dial('stand-in');
setInterval(() => {}, 1000);
`;

const json = (value: string) => `{
  const body = JSON.stringify(${value});
  s.write('HTTP/1.1 200 OK\\r\\ncontent-length: ' + Buffer.byteLength(body) + '\\r\\n\\r\\n' + body);
}`;
/** The answers by the beginning of the request; `id` is the one in its body. */
const byRequest = (answers: Readonly<Record<string, string>>, otherwise: string) =>
  `const id = /"id":"([^"]+)"/.exec(text)?.[1] ?? 'one';
   ${Object.entries(answers)
     .map(([start, answer]) => `if (text.startsWith(${JSON.stringify(start)})) { ${answer} } else `)
     .join('')}{ ${otherwise} }`;
/** Names of files that lead out of a folder, or that a terminal or another system takes for something else. */
export const hostileNames = [
  ...['../../tmp/evil.sh', '/etc/cron.d/evil', '..\\..\\evil.bat', 'C:\\evil.exe', '..', 'a/../../evil'],
  ...['line\nbreak', 'title\u001b]0;evil\u0007', 'right\u202eto left', 'CON', 'nul\0', 'x'.repeat(4_096)],
] as const;
const entries = `${JSON.stringify([...hostileNames, 'fine.txt'])}.map((name) =>
  ({ name, type: 'file', size: 4, modified: new Date(0).toISOString() }))`;
/** Lists hostile names in every folder, with the right shape. */
export const lyingLists = byRequest({ 'GET /files/list': json(entries), 'GET /files/content': json('12') }, '');

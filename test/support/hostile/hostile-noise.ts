import { fence } from '../clients/api.ts';

/**
 * Sends wrong hellos to the server's socket and garbage to the proxy, as fast as possible, and prints their numbers. On a
 * busy machine it goes on until each was tried a hundred times.
 */
const flood = (floodMs: number) => `
const net = require('net');
const until = Date.now() + ${floodMs};
const isOver = (what) => Date.now() >= until && (seen[what] >= 100 || Date.now() >= until + 60_000);
const seen = { hello: 0, proxy: 0, failed: 0 };
const once = (where, bytes, what) => new Promise((done) => {
  const socket = net.connect(where);
  socket.on('connect', () => { seen[what]++; socket.end(bytes); }).on('error', () => seen.failed++).on('close', done).resume();
});
const hellos = ['{"corral":1,"version":"x","boot":"x","token":"wrong"}\\n', '{"corral":9}\\n', '{' + 'x'.repeat(5000), '{\\u0000\\n'];
const proxy = ['GARBAGE\\r\\n\\r\\n', 'CONNECT nowhere HTTP/1.1\\r\\n\\r\\n', 'CONNECT 169.254.169.254:80 HTTP/1.1\\r\\n\\r\\n', '\\u0005\\u0001\\u0000', 'GET http://127.0.0.1/ HTTP/1.1\\r\\n\\r\\n'];
const loop = async (where, all, what) => { for (let n = 0; !isOver(what); n++) await once(where, all[n % all.length], what); };
const many = (make) => Array.from({ length: 24 }, make);
Promise.all([
  ...many(() => loop('/run/corral/control', hellos, 'hello')),
  ...many(() => loop({ host: '127.0.0.1', port: 3128 }, proxy, 'proxy')),
]).then(() => console.log(JSON.stringify(seen)));`;

/** A message whose command is this noise. */
export const noiseProgram = (floodMs: number): string =>
  `${fence('file:flood.cjs', flood(floodMs))}\n${fence('sh', 'node flood.cjs')}`;

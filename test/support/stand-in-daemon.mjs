// The least that can pass for sandboxd: dials every control socket, says hello, answers. Plain JavaScript without
// dependencies, so that it also runs inside a container.
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from 'node:net';

const { CORRAL_RUN_DIR: dir, CORRAL_SANDBOXD_TOKEN: token, CORRAL_WORKSPACE: workspace } = process.env;
const protocol = Number(process.env.STAND_IN_PROTOCOL ?? 1);
const boot = String(process.hrtime.bigint());
const http = createServer({ keepAliveTimeout: 0 }, async (request, response) => {
  busy.get(request.socket)?.(); // it is not idle any more: another one is wanted
  fill();
  if (request.headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end();
  if (request.url === '/hang') return;
  response.setHeader('content-type', 'application/json');
  if (request.url === '/exec') {
    const { command } = JSON.parse((await request.toArray()).join(''));
    const env = { ...process.env, CORRAL_SANDBOXD_TOKEN: undefined };
    return void execFile('sh', ['-c', command], { cwd: workspace, env }, (error, stdout, stderr) => {
      response.end(JSON.stringify({ exitCode: error ? error.code : 0, stdout, stderr, timedOut: false }));
    });
  }
  response.end(
    JSON.stringify({ version: 'stand-in', bootId: boot, idleMs: 0, oomKills: 0, url: request.url, workspace }),
  );
});
const idle = new Map();
const busy = new WeakMap();

function dial(name) {
  idle.set(name, (idle.get(name) ?? 0) + 1);
  const socket = connect(`${dir}/${name}`);
  let counted = true;
  const leave = () => {
    if (counted) idle.set(name, idle.get(name) - 1);
    counted = false;
  };
  socket.once('connect', () => {
    socket.write(`${JSON.stringify({ corral: protocol, version: 'stand-in', boot: 'b', token })}\n`);
  });
  socket.once('data', (said) => {
    if (!said.toString().startsWith('ok\n')) return void socket.destroy();
    socket.pause();
    const request = said.subarray(3);
    if (request.length > 0) socket.unshift(request); // it may come with the answer
    busy.set(socket, leave);
    http.emit('connection', socket);
  });
  socket.on('error', () => {}).on('close', leave);
}

function fill() {
  let names = [];
  try {
    names = readdirSync(dir).filter((name) => name === 'control' || name.startsWith('control.'));
  } catch {}
  for (const name of names) for (let n = idle.get(name) ?? 0; n < 2; n += 1) dial(name);
}
process.on('SIGTERM', () => process.exit(0));
fill();
setInterval(fill, 50);

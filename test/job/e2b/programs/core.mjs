// A program written on the E2B SDK. It knows nothing of Corral; environment variables alone lead it there.
import http from 'node:http';
import { Sandbox } from 'e2b';
import { failing, print, step } from './steps.mjs';

const text = (bytes) => new TextDecoder().decode(bytes);
const until = async (work) => {
  for (let tries = 0; tries < 100 && !(await work()); tries++) await new Promise((go) => setTimeout(go, 50));
};

const sandbox = await Sandbox.create({ timeoutMs: 120_000, metadata: { a: 'b c' }, envs: { FOO: 'bar' } });
const { commands, files, pty } = sandbox;
await step('run', () => commands.run('echo hi; echo no >&2; pwd; echo $FOO $E2B_SANDBOX $USER'));
await step('exit code', async () => {
  const thrown = await commands.run('exit 3').catch((error) => error);
  return [thrown.name, thrown.exitCode];
});
await step('missing program', async () => (await commands.run('no-such-program').catch((error) => error)).exitCode);
await step('streamed', async () => {
  const out = [];
  await commands.run('for n in 1 2 3; do echo $n; sleep 0.2; done', { onStdout: (data) => out.push(data) });
  return out;
});
await step('stdin', async () => {
  const handle = await commands.run('read a; echo got $a; cat', { background: true, stdin: true });
  await commands.sendStdin(handle.pid, 'hello\n');
  await commands.closeStdin(handle.pid);
  return (await handle.wait()).stdout;
});
await step('kill', async () => {
  const handle = await commands.run('sleep 100', { background: true });
  const [listed] = await commands.list();
  const killed = await handle.kill();
  const isGone = (await commands.run(`kill -0 ${handle.pid}`).catch((error) => error)).exitCode === 1;
  const end = await handle.wait().catch((error) => error);
  return [listed.pid === handle.pid, killed, isGone, end.exitCode, end.message, await commands.kill(handle.pid)];
});
await step('connect late', async () => {
  const handle = await commands.run('sleep 1; echo late', { background: true });
  return (await (await commands.connect(handle.pid)).wait()).stdout;
});
await step('connect ended', async () => {
  const handle = await commands.run('exit 4', { background: true });
  await handle.wait().catch(() => {});
  return (await (await commands.connect(handle.pid)).wait().catch((error) => error)).exitCode;
});
await step('timeout', () => failing(() => commands.run('sleep 10', { timeoutMs: 1_000 })));
await step('pty', async () => {
  let out = '';
  const onData = (data) => {
    out += text(data);
  };
  const terminal = await pty.create({ cols: 80, rows: 24, onData });
  await pty.sendInput(terminal.pid, new TextEncoder().encode('stty size\n'));
  await until(() => out.includes('24 80'));
  await pty.resize(terminal.pid, { cols: 100, rows: 30 });
  await pty.sendInput(terminal.pid, new TextEncoder().encode('stty size; exit 0\n'));
  const { exitCode } = await terminal.wait();
  return [exitCode, out.includes('24 80'), out.includes('30 100')];
});
const many = Number(process.env.PROCESSES ?? 200);
await step('many processes', async () => {
  const all = await Promise.all(Array.from({ length: many }, () => commands.run('sleep 600', { background: true })));
  const count = (await commands.list()).length;
  await Promise.all(all.map((one) => one.kill()));
  return [count === many, (await commands.list()).length];
});
await step('write and read', async () => {
  const { path } = await files.write('a/b.txt', 'hello');
  return [path, await files.read('a/b.txt'), await files.exists('a/b.txt'), await files.exists('nope')];
});
await step('bytes', async () => {
  await files.write('/tmp/x.bin', new Uint8Array([1, 2, 255]).buffer);
  return [...(await files.read('/tmp/x.bin', { format: 'bytes' }))];
});
await step('several files', async () =>
  (
    await files.write([
      { path: 'm1', data: '1' },
      { path: 'd/m2', data: '2' },
    ])
  ).map(({ path }) => path),
);
await step('list', async () =>
  (await files.list('.', { depth: 2 }))
    .filter(({ name }) => !name.startsWith('.'))
    .flatMap(({ path, type }) => (path.includes('/.') ? [] : [`${type} ${path}`])),
);
await step('info', async () => {
  const { name, type, path, size, mode, permissions, owner, group } = await files.getInfo('a/b.txt');
  return { name, type, path, size, mode, permissions, owner, group };
});
await step('folders', async () => [await files.makeDir('dd/e'), await files.makeDir('dd/e')]);
await step('rename', async () => (await files.rename('a/b.txt', 'a/c.txt')).path);
await step('remove', async () => {
  await files.remove('a');
  return await files.exists('a');
});
await step('no file', () => failing(() => files.read('none')));
await step('watch', async () => {
  const seen = [];
  await files.makeDir('w');
  const handle = await files.watchDir('w', ({ type, name }) => seen.push(`${type} ${name}`), { recursive: true });
  await files.write('w/sub/f', 'x');
  await until(() => seen.includes('create sub/f'));
  await handle.stop();
  return seen.filter((it) => it.startsWith('create'));
});
await step('signed urls', async () => {
  const form = new FormData();
  form.append('file', new Blob(['signed']), 's.txt');
  const up = await fetch(await sandbox.uploadUrl('s.txt'), { method: 'POST', body: form });
  const down = await fetch(await sandbox.downloadUrl('s.txt', { useSignatureExpiration: 60 }));
  return [up.status, down.status, await down.text()];
});
await step('metrics', async () => {
  const [{ cpuCount, memTotal, diskTotal }] = await sandbox.getMetrics();
  return [cpuCount, memTotal, diskTotal].map((value) => value > 0);
});
await step('detail', async () => {
  const { state, metadata, envdVersion, templateId } = await sandbox.getInfo();
  return { state, metadata, envdVersion, templateId };
});
await step('listed', async () => {
  const find = async (a) => (await Sandbox.list({ query: { metadata: { a } } }).nextItems()).length;
  return [await find('b c'), await find('other')];
});
await step('port', async () => {
  await commands.run('python3 -m http.server 3000', { background: true });
  await until(async () => (await commands.run('curl -sf http://127.0.0.1:3000/m1 || true')).stdout === '1');
  const base = process.env.E2B_API_URL;
  const named = { 'E2b-Sandbox-Id': sandbox.sandboxId, 'E2b-Sandbox-Port': '3000' };
  const ask = async (headers) => {
    const answer = await fetch(`${base}/m1`, { headers });
    return [answer.status, (await answer.text()).slice(0, 1)];
  };
  const byHost = (port) =>
    new Promise((resolve, reject) => {
      const { hostname, port: own } = new URL(base);
      const headers = { host: sandbox.getHost(port) };
      http
        .get({ host: hostname, port: own, path: '/m1', headers }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject);
    });
  const allowed = await ask({ ...named, 'E2B-Traffic-Access-Token': sandbox.trafficAccessToken });
  const [status] = await ask(named);
  return { allowed, without: status, byHost: await byHost(3000), closed: await byHost(3001) };
});
await step('pause', async () => {
  const handle = await commands.run('sleep 1000', { background: true });
  const ended = failing(() => handle.wait());
  const paused = [await sandbox.pause(), await sandbox.isRunning(), await sandbox.pause()];
  return [...paused, (await sandbox.getInfo()).state, await ended];
});
await step('resume', async () => {
  const again = await Sandbox.connect(sandbox.sandboxId);
  return [(await again.commands.run('cat m1; pgrep -xc sleep || true; echo $FOO')).stdout, await again.isRunning()];
});
await step('pause of the files alone', async () => {
  await sandbox.pause({ keepMemory: false });
  const again = await Sandbox.connect(sandbox.sandboxId);
  return (await again.commands.run('cat m1; test -e /tmp/x.bin || echo gone; pgrep -xc sleep || true')).stdout;
});
await step('killed in a stream', async () => {
  const handle = await commands.run('sleep 1000', { background: true });
  const ended = failing(() => handle.wait());
  const killed = await sandbox.kill();
  return [killed, await sandbox.kill(), await ended];
});
await step('gone', () => failing(() => commands.run('true')));
await step('closed network', async () => {
  const closed = await Sandbox.create({ timeoutMs: 60_000, allowInternetAccess: false });
  const { allowInternetAccess } = await closed.getInfo();
  const ask = "curl -s -o /dev/null -w '%{http_connect}' https://registry.npmjs.org/ || true";
  const { stdout } = await closed.commands.run(ask);
  await closed.kill();
  return [allowInternetAccess, stdout];
});
await step('network update', async () => {
  const ask = "curl -s -o /dev/null -w '%{http_connect}' https://other.example/ || true";
  const open = await Sandbox.create({ timeoutMs: 60_000 });
  const seen = async () => {
    const { allowInternetAccess, network } = await open.getInfo();
    return [allowInternetAccess, network?.allowOut ?? null];
  };
  const states = [await seen()];
  await open.updateNetwork({ denyOut: ({ allTraffic }) => [allTraffic], allowOut: ['registry.npmjs.org'] });
  states.push([...(await seen()), (await open.commands.run(ask)).stdout]);
  await open.updateNetwork({ allowInternetAccess: false });
  states.push([...(await seen()), (await open.commands.run(ask)).stdout]);
  await open.updateNetwork({});
  states.push(await seen());
  await open.kill();
  return states;
});
await step('its time is over', async () => {
  const short = await Sandbox.create({ timeoutMs: 1_000 });
  await until(async () => !(await short.isRunning()));
  return await short.isRunning();
});
await step('unknown template', () => failing(() => Sandbox.create('no-such-template')));
print();

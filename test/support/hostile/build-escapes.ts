import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { docker, removeBuiltImages } from '../sandboxes/docker.ts';
import { serverProcess } from '../servers/server-process.ts';
import { archiveAttacks, builtImageAttacks, limitAttacks, planAttacks, strangerAttacks } from './build-attacks.ts';
import { type AttackedBuilds, BuildCaller, copy, run } from './build-caller.ts';
import { type Attempt, attackedSettings, baitOnTheHost, configOf, insideProgram, report } from './escapes.ts';
import { tarOf } from './tar-entries.ts';

const token = 'the-token-of-the-escape-suite';

/** Runs every attempt to get out of a build of templates on Docker: in its steps, and around them. */
export async function escapesFromBuilds(): Promise<readonly Attempt[]> {
  await using stack = new AsyncDisposableStack();
  const host = stack.use(await baitOnTheHost());
  let instance = '';
  stack.defer(async () => {
    if (instance !== '') await removeBuiltImages(instance);
  });
  const settings = {
    ...attackedSettings(host),
    CORRAL_DRIVER: 'docker',
    CORRAL_E2B_FACADE: 'on',
    CORRAL_BUILDS_ALLOW: 'on',
    CORRAL_BUILDS_AT_ONCE: '2',
    CORRAL_SANDBOX_DISK: '128MiB',
    CORRAL_SANDBOX_START_TIMEOUT_SECONDS: '30', // some images are broken on purpose
    CORRAL_TOKEN: token,
  };
  const server = stack.use(await serverProcess(settings));
  instance = (await readFile(join(server.data, 'instance'), 'utf8')).trim();
  const { url } = server;
  const [ann, bob] = [await person(url, 'ann'), await person(url, 'bob')];
  const containers = async () => {
    const found = await docker('ps', '-a', '--format', '{{.Names}}', '--filter', `name=${instance}-build-`);
    return found.split('\n').filter(Boolean);
  };
  const attacked = { url, host, instance, ann, bob, containers };
  const attempts: Attempt[] = [];
  const groups = [
    () => triedAs('root', attacked),
    () => triedAs('user', attacked),
    () => limitOf('more processes than are granted', attacked),
    () => limitOf('more memory than is granted', attacked),
    () => planAttacks(attacked),
    () => archiveAttacks(attacked),
    () => strangerAttacks(attacked),
    () => builtImageAttacks(attacked),
  ];
  for (const group of groups) {
    attempts.push(...(await group()));
    await report('docker:builds', attempts); // also for a reader of a run that did not end
  }
  server.kill('SIGTERM');
  await server.restart({ CORRAL_BUILDS_MAX_SECONDS: '12' });
  attempts.push(...(await limitAttacks(attacked)));
  await report('docker:builds', attempts);
  return attempts;
}

async function person(url: string, name: string): Promise<BuildCaller> {
  const response = await fetch(`${url}/trpc/keys.create`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name, role: 'user' }),
  });
  const { result } = (await response.json()) as { result: { data: { key: string } } };
  return new BuildCaller(url, result.data.key);
}

const filesOf = async ({ url, host }: AttackedBuilds, more: { readonly only?: string }) => {
  const config = configOf(host, { port: Number(new URL(url).port), neighbour: '172.17.0.2' });
  return {
    inside: tarOf({ name: 'inside.py', content: await insideProgram() }),
    [hashOf(more)]: tarOf({ name: 'config.json', content: JSON.stringify({ ...config, build: true, ...more }) }),
  };
};
const hashOf = ({ only = 'all' }: { readonly only?: string }) => `config-${only.replaceAll(' ', '-')}`;
const steps = (command: string, { user, config }: { readonly user: string; readonly config: string }) => [
  copy('inside.py', '/attack/', 'inside'),
  copy('config.json', '/attack/', config),
  run(`cd /tmp && ${command}`, user),
];
const attack = 'python3 /attack/inside.py /attack/config.json results.jsonl';
// One line of a log has 2,000 characters.
const reported =
  "python3 -c \"import json\nfor line in open('results.jsonl'):\n    one = json.loads(line)\n    print('ATTEMPT', json.dumps({**one, 'by': one['by'][:300]}))\"";
const resultsIn = (lines: readonly string[]): Attempt[] =>
  lines.flatMap((line) => (line.startsWith('ATTEMPT {') ? [JSON.parse(line.slice('ATTEMPT '.length)) as Attempt] : []));

/** The attempts of the suite as steps of a build. */
async function buildOf(
  name: string,
  user: 'root' | 'user',
  more: { readonly only?: string },
  attacked: AttackedBuilds,
) {
  const files = await filesOf(attacked, more);
  const commands = steps(`${attack} && ${reported}`, { user, config: hashOf(more) });
  const ended = await attacked.ann.build(name, commands, { files });
  return { ...ended, attempts: resultsIn(ended.lines) };
}
async function triedAs(user: 'root' | 'user', attacked: AttackedBuilds): Promise<Attempt[]> {
  const { attempts, lines, reason } = await buildOf(`inside-${user}`, user, {}, attacked);
  const count = lines.find((line) => /\d+ attempts$/.test(line));
  if (Number(/(\d+) attempts$/.exec(count ?? '')?.[1]) !== attempts.length || attempts.length === 0) {
    throw new Error(`The attempts did not end: ${reason}, ${count}, last ${JSON.stringify(attempts.at(-1))}`);
  }
  return attempts.map((one) => ({ ...one, group: `as ${user}: ${one.group}` }));
}

async function limitOf(only: string, attacked: AttackedBuilds): Promise<Attempt[]> {
  const { attempts, status } = await buildOf('limits', 'root', { only }, attacked);
  if (attempts.length > 0) return attempts;
  if (status === 'ready') throw new Error(`There is no result of: ${only}`);
  return [{ group: 'limits', what: only, outcome: 'stopped', by: 'the whole build is ended' }];
}

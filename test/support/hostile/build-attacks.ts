import { access } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { docker } from '../sandboxes/docker.ts';
import {
  type Answer,
  type AttackedBuilds,
  type BuildCaller,
  copy,
  type EndedBuild,
  run,
  type SentStep,
} from './build-caller.ts';
import type { Attempt } from './escapes.ts';
import { tarOf, type WrittenEntry } from './tar-entries.ts';

/** The attempt reached something outside its walls. */
class Escaped extends Error {}

async function tried(group: string, what: string, attack: () => Promise<string>): Promise<Attempt> {
  try {
    return { group, what, outcome: 'stopped', by: await attack() };
  } catch (thrown) {
    if (!(thrown instanceof Escaped)) throw thrown;
    return { group, what, outcome: 'escaped', by: thrown.message };
  }
}

const textOf = ({ text }: Answer): string => {
  try {
    return String((JSON.parse(text) as { message?: string }).message ?? text);
  } catch {
    return text;
  }
};
function refused(answer: Answer, ...codes: readonly number[]): string {
  if (codes.includes(answer.status)) return `the server answers ${answer.status}`;
  throw new Escaped(`the server answers ${answer.status}: ${textOf(answer).slice(0, 200)}`);
}
function without(secret: string, { lines }: EndedBuild, by: string): string {
  if (lines.some((line) => line.includes(secret))) throw new Escaped("the log has the host's secret");
  return by;
}
function failed({ status, reason }: EndedBuild): string {
  if (status === 'ready') throw new Escaped('the build is there whole');
  return reason.slice(0, 200);
}

/** Instructions that no build has to run: they are refused before anything starts, or they are only text. */
export async function planAttacks({ ann, host, instance }: AttackedBuilds): Promise<Attempt[]> {
  const group = 'instructions';
  const step = (type: string, ...args: string[]): SentStep => ({ type, args });
  const start = async (steps: readonly SentStep[], base?: object) =>
    await ann.start(await ann.begin('instructions'), steps, base);
  const attempts: Attempt[] = [];
  const refusals: readonly [what: string, steps: readonly SentStep[]][] = [
    ['COPY from above the folder of the build', [copy('../../etc/shadow', '/x', 'h')]],
    ['COPY from a folder that leads up in its middle', [copy('a/../../../etc/shadow', '/x', 'h')]],
    ['COPY from a whole path', [copy('/etc/shadow', '/x', 'h')]],
    ['COPY of files that nobody uploaded', [copy('a', '/x', 'none')]],
    ["the user of the engine's group", [step('USER', '0:999')]],
    ['a user with a command', [step('USER', 'root; id')]],
    ['a user by number', [run('id', '1234')]],
    ['LD_PRELOAD by ENV', [step('ENV', 'LD_PRELOAD', '/x.so')]],
    ['NODE_OPTIONS for the daemon by ENV', [step('ENV', 'NODE_OPTIONS', '--require=/x.js')]],
    ['another proxy by ENV', [step('ENV', 'https_proxy', 'http://attacker.example')]],
    ["the daemon's own variables by ENV", [step('ENV', 'CORRAL_SANDBOXD_TOKEN', 'x')]],
    ['a name of a variable with =', [step('ENV', 'A=B', 'c')]],
    ['a name of a variable with a line break', [step('ENV', 'A\nLD_PRELOAD', '/x.so')]],
    ['a value with NUL', [step('ENV', 'A', 'x\0LD_PRELOAD=/x.so')]],
    ['a mode with a command', [{ type: 'COPY', args: ['a', '/x', 'root', '0644; id'], filesHash: 'h' }]],
    ['an instruction for the engine: ADD', [step('ADD', 'http://169.254.169.254/', '/x')]],
    ['an instruction for the engine: VOLUME', [step('VOLUME', '/var/run')]],
    ['an instruction for the engine: ONBUILD', [step('ONBUILD', 'RUN id')]],
    ['a thousand steps', Array.from({ length: 1_000 }, () => run('true'))],
  ];
  for (const [what, steps] of refusals)
    attempts.push(await tried(group, what, async () => refused(await start(steps), 400)));
  const [engineImage = ''] = (await docker('image', 'ls', '-q', '--no-trunc')).split('\n');
  for (const image of [
    'evil/image',
    'corral/sandbox@sha256:0000',
    'corral/sandbox:other',
    'CORRAL/sandbox',
    'docker.io/corral/sandbox',
    engineImage,
    engineImage.replace('sha256:', '').slice(0, 12),
    `corral-built/${instance}:x`,
    'corral/sandbox --privileged',
    '../sandbox',
  ]) {
    const shown = image.startsWith('sha256') ? "the id of an image of the engine's" : image.replace(instance, '…');
    const attack = async () => refused(await start([], { fromImage: image }), 400);
    attempts.push(
      await tried('base images', `begin with ${/^[0-9a-f]{12}$/.test(shown) ? 'a short id' : shown}`, attack),
    );
  }
  attempts.push(
    await tried('base images', 'a registry with a password of its own', async () =>
      refused(await start([], { fromImage: 'corral/sandbox', fromImageRegistry: { type: 'registry' } }), 400, 501),
    ),
    await tried(group, 'commands in values, folders and names of files', async () => {
      const words = ['$(touch /made)', '`touch /made`', '"; touch /made; "', "'; touch /made; '"];
      const steps = [
        ...words.map((word, at) => step('ENV', `A${at}`, word)),
        ...words.map((word) => step('WORKDIR', `/w/${word}`)),
        run('if [ -e /made ]; then echo MADE; fi; printf "%s\\n" "$A0"', 'root'),
      ];
      const ended = await ann.build('values', steps);
      if (ended.status !== 'ready') throw new Error(`It was not built: ${ended.reason} ${ended.lines.join('\n')}`);
      if (ended.lines.includes('MADE')) throw new Escaped('a command ran');
      if (!ended.lines.includes('$(touch /made)')) throw new Error('The value is not there as it was sent.');
      return 'they are text';
    }),
    await tried(group, "find the server's secret in variables, in the folder of sockets and in the log", async () => {
      const command =
        'env; cat /proc/[0-9]*/environ 2>/dev/null | tr "\\0" "\\n"; find /run/corral -type f -exec cat {} +; mount; ls -laR /run';
      return without(host.canary, await ann.build('secrets', [run(command, 'root')]), 'it is in none of them');
    }),
  );
  return attempts;
}

/** Archives that lead out of the folder into which they are unpacked. */
export async function archiveAttacks({ ann, host }: AttackedBuilds): Promise<Attempt[]> {
  const mark = `corral-escape-${host.canary.slice(0, 8)}`;
  const isOnTheHost = () =>
    access(`/${mark}`).then(
      () => true,
      () => false,
    );
  const of = async (what: string, entries: readonly WrittenEntry[], from: string, to = '/taken/') =>
    await tried('archives', what, async () => {
      const files = { attack: tarOf(...entries) };
      const look = run(`find /taken /${mark} -type f -exec cat {} + 2>/dev/null; true`, 'root');
      const ended = await ann.build('archives', [copy(from, to, 'attack'), look], { files });
      if (await isOnTheHost()) throw new Escaped('a file was made on the host');
      const by = ended.status === 'ready' ? "it stays in the build's own files" : `the step fails: ${ended.reason}`;
      return without(host.canary, ended, by);
    });
  const content = 'attack';
  return [
    await of('a name that leads up', [{ name: `../../../../../../${mark}`, content }], '.'),
    await of('a whole path as a name', [{ name: `/${mark}`, content }], '.'),
    await of('a target that leads up', [{ name: 'a', content }], 'a', `../../../../../../../${mark}`),
    await of("a link to the host's secret", [{ name: 'link', type: '2', link: host.file }], 'link'),
    await of(
      'a link to the root, and a file behind it',
      [
        { name: 'out', type: '2', link: '/' },
        { name: `out/${mark}`, content },
      ],
      '.',
    ),
    await of(
      "a link through the first process, and the host's secret behind it",
      [{ name: 'out', type: '2', link: `/proc/1/root${host.file}` }],
      'out',
    ),
    await of("a hard link to the host's secret", [{ name: 'hard', type: '1', link: host.file }], 'hard'),
    await of('a hard link to /etc/shadow', [{ name: 'hard', type: '1', link: '/etc/shadow' }], 'hard'),
    await of('a block device', [{ name: 'disk', type: '4' }], 'disk'),
    await of('a character device', [{ name: 'mem', type: '3' }], 'mem'),
    await of('a pipe that nobody writes to', [{ name: 'pipe', type: '6' }], 'pipe'),
    await of('a size that lies', [{ name: 'a', content, size: 2 ** 32 }], 'a'),
    await of(
      'a long name by an extended header',
      [{ name: 'a', content, pax: { path: `${'../'.repeat(200)}${mark}` } }],
      '.',
    ),
    await tried('archives', 'an archive that unpacks to more than the disk of a build', async () => {
      const bomb = gzipSync(tarOf({ name: 'zeros', content: Buffer.alloc(160 * 2 ** 20) }));
      return failed(await ann.build('bomb', [copy('zeros', '/taken/', 'bomb')], { files: { bomb } }));
    }),
    await tried('archives', 'gzip in gzip, which is no archive', async () => {
      const nested = gzipSync(gzipSync(Buffer.alloc(2 ** 20)));
      return failed(await ann.build('nested', [copy('a', '/taken/', 'nested')], { files: { nested } }));
    }),
  ];
}

/** Calls for another person's templates. */
export async function strangerAttacks({ ann, bob }: AttackedBuilds): Promise<Attempt[]> {
  const group = "another owner's";
  const begun = await ann.begin('tools-of-ann');
  await ann.upload(begun, 'h1', tarOf({ name: 'a', content: 'of ann' }));
  await ann.start(begun, [copy('a', '/a', 'h1')]);
  await ann.ended(begun);
  const { template, build } = begun;
  const id = `/e2b/templates/${template}`;
  const asks: readonly [what: string, method: string, path: string, body?: object | Buffer][] = [
    ['the state and log of a build', 'GET', `${id}/builds/${build}/status`],
    ['the log of a build', 'GET', `${id}/builds/${build}/logs`],
    ['tags', 'GET', `${id}/tags`],
    ['an alias', 'GET', '/e2b/templates/aliases/tools-of-ann'],
    ['the address for files', 'GET', `${id}/files/h1`],
    ['put other files in the place of those of a COPY', 'PUT', `${id}/files/h1`, Buffer.from('x')],
    ['start a build of it', 'POST', `/e2b/v2/templates/${template}/builds/${build}`, { fromImage: 'corral/sandbox' }],
    ['move a tag', 'POST', '/e2b/templates/tags', { target: 'tools-of-ann', tags: ['v9'] }],
    ['move a tag by the id', 'POST', '/e2b/templates/tags', { target: template, tags: ['v9'] }],
    ['take a tag off', 'DELETE', '/e2b/templates/tags', { name: 'tools-of-ann', tags: ['default'] }],
    ['delete it', 'DELETE', id],
    ['start a sandbox of it', 'POST', '/e2b/v2/sandboxes', { templateID: 'tools-of-ann', timeout: 5 }],
    ['start a sandbox of it by the id', 'POST', '/e2b/v2/sandboxes', { templateID: template, timeout: 5 }],
  ];
  const attempts: Attempt[] = [];
  for (const [what, method, path, body] of asks)
    attempts.push(await tried(group, what, async () => refused(await bob.ask(method, path, body), 404)));
  const own = async (steps: readonly SentStep[], base?: object) =>
    await bob.start(await bob.begin('tools-of-bob'), steps, base);
  attempts.push(
    await tried(group, 'build on it', async () => refused(await own([], { fromTemplate: 'tools-of-ann' }), 404)),
    await tried(group, 'build on it by the id', async () => refused(await own([], { fromTemplate: template }), 404)),
    await tried(group, 'build on it as an image', async () =>
      refused(await own([], { fromImage: 'tools-of-ann' }), 400),
    ),
    await tried(group, 'COPY of its files by their hash', async () => refused(await own([copy('a', '/a', 'h1')]), 400)),
    await tried(group, 'a build of it under the id of an own template', async () => {
      const mine = await bob.begin('tools-of-bob');
      return refused(await bob.ask('GET', `/e2b/templates/${mine.template}/builds/${build}/status`), 404);
    }),
    await tried(group, 'the list of templates', async () => {
      const { text } = await bob.ask('GET', '/e2b/templates');
      if (text.includes(template) || text.includes('tools-of-ann')) throw new Escaped('it is in the list');
      return 'it has only those of the caller';
    }),
    await tried(group, 'take its name, for programs of the owner', async () => {
      await bob.build('tools-of-ann', [run('echo bob > /who', 'root')]);
      const { status, text } = await ann.ask('POST', '/e2b/v2/sandboxes', { templateID: 'tools-of-ann', timeout: 60 });
      if (status !== 201) throw new Error(`No sandbox: ${status} ${text}`);
      const sandbox = JSON.parse(text) as { sandboxID: string };
      const info = await bob.ask('GET', `/e2b/sandboxes/${sandbox.sandboxID}`);
      await ann.ask('DELETE', `/e2b/sandboxes/${sandbox.sandboxID}`);
      return `each owner has an own template of this name; of the sandbox ${refused(info, 404)}`;
    }),
    await tried(group, 'take the name of a template of the operator', async () => {
      const { status, text } = await bob.ask('POST', '/e2b/v3/templates', { name: 'base' });
      return refused({ status, text }, 409);
    }),
  );
  return attempts;
}

/** Sandboxes that start from images with traps in them. */
export async function builtImageAttacks({ ann, host }: AttackedBuilds): Promise<Attempt[]> {
  const group = 'sandboxes of a built image';
  const session = async (name: string, command: string): Promise<string> => {
    const created = await ann.ask('POST', '/e2b/v2/sandboxes', { templateID: name, timeout: 60 });
    if (created.status !== 201) return `no sandbox starts: ${created.status}`;
    const { sandboxID } = JSON.parse(created.text) as { sandboxID: string };
    const ran = await ann.ask('POST', '/trpc/sandbox.exec', { sessionId: sandboxID, command, timeoutMs: 20_000 });
    await ann.ask('DELETE', `/e2b/sandboxes/${sandboxID}`);
    return `${ran.status} ${ran.text}`;
  };
  const of = async (what: string, commands: string, look: string, isOut: (seen: string) => boolean) =>
    await tried(group, what, async () => {
      const ended = await ann.build('traps', [run(commands, 'root')]);
      if (ended.status !== 'ready') return `the build fails: ${ended.reason}`;
      const seen = await session('traps', look);
      if (isOut(seen)) throw new Escaped(seen.slice(0, 200));
      return seen.startsWith('no sandbox') ? seen : "the sandbox starts and has a sandbox's walls";
    });
  const hasSecret = (seen: string) => seen.includes(host.canary);
  const folder = host.file.slice(0, host.file.lastIndexOf('/'));
  return [
    await of(
      'a shell that is setuid root',
      'cp /bin/bash /usr/local/bin/rootsh && chmod 6755 /usr/local/bin/rootsh',
      'rootsh -p -c "id -u; id -g; touch /usr/x && echo WROTE"',
      (seen) => /WROTE|\\n0\\n|"0\\n/.test(seen),
    ),
    await of(
      'the workspace is a link to a folder of the host',
      `rm -rf /workspace && ln -s ${folder} /workspace; rm -rf /home/user; ln -s ${folder} /home/user; mkdir -p ${folder}`,
      'cat secret /workspace/secret /home/user/secret; true',
      hasSecret,
    ),
    await of(
      'the folder of sockets is a link to that of the engine',
      'rm -rf /run/corral 2>/dev/null; ls /run; true',
      'ls -la /var/run/docker.sock /run/docker.sock; curl -s --unix-socket /var/run/docker.sock http://x/info; true',
      (seen) => seen.includes('ServerVersion'),
    ),
    await of(
      'a loader that each program loads first',
      'printf "" > /etc/ld.so.preload; printf "#!/bin/sh\\nexec cat %s\\n" ' + host.file + ' > /etc/profile.d/x.sh',
      `cat ${host.file}; true`,
      hasSecret,
    ),
    await of(
      'users of the image with the number 0',
      'sed -i "s/^user:x:10001:10001/user:x:0:0/" /etc/passwd',
      'id -u; touch /usr/x && echo WROTE; true',
      (seen) => /WROTE/.test(seen),
    ),
  ];
}

/** Steps that exhaust a resource. The server gives a build 12 seconds here. */
export async function limitAttacks(attacked: AttackedBuilds): Promise<Attempt[]> {
  const group = 'limits';
  const { ann, bob, url, containers } = attacked;
  async function gone(): Promise<void> {
    const until = performance.now() + 60_000;
    while ((await containers()).length > 0) {
      if (performance.now() > until) throw new Escaped(`a container stays: ${await containers()}`);
      await pause(200);
    }
  }
  /** The server answers other callers while the step runs, and nothing of the build remains. */
  const of = async (what: string, command: string, user = 'root') =>
    await tried(group, what, async () => {
      const begun = await ann.begin('limits');
      const { status, text } = await ann.start(begun, [run(command, user)]);
      if (status !== 202) throw new Error(`The build did not start: ${status} ${text}`);
      let answered = 0;
      const isOver = ann.ended(begun).then((ended) => ({ ended }));
      for (;;) {
        const over = await Promise.race([isOver, pause(250).then(() => undefined)]);
        if (over) {
          await gone();
          const size = over.ended.lines.reduce((sum, line) => sum + line.length, 0);
          if (size > 2 * 2 ** 20 || over.ended.lines.length > 6_000)
            throw new Escaped(`the log has ${size} characters`);
          return failed(over.ended);
        }
        const response = await fetch(`${url}/health`, { signal: AbortSignal.timeout(60_000) });
        if (response.status !== 200) throw new Escaped(`the server answers ${response.status} after ${answered}`);
        answered += 1;
      }
    });
  return [
    await of('a step that does not end, and ignores signals', 'trap "" TERM INT HUP; sleep infinity'),
    await of('a program that outlives its step', 'nohup setsid sleep infinity >/dev/null 2>&1 & sleep infinity'),
    await of('output without end', 'yes "$(head -c 500 /dev/zero | tr "\\0" x)"'),
    await of('output without end and without lines', 'cat /dev/zero | tr "\\0" x'),
    await of('a fork bomb', 'f() { f | f & }; f; sleep infinity', 'user'),
    await of('a file over the disk of a build', 'head -c 1G /dev/zero > /big; cp /big /big2; sleep infinity'),
    await of(
      'many files that are over it together',
      'n=0; while [ $n -lt 64 ]; do head -c 16M /dev/zero > /part-$n; n=$((n+1)); done; sleep infinity',
    ),
    await tried(group, 'more builds than a server runs at once, and than an owner can have', () =>
      manyBuilds(attacked),
    ),
    await tried(group, 'stop a build of another owner', async () => {
      const begun = await ann.begin('limits');
      return refused(await bob.ask('DELETE', `/e2b/templates/${begun.template}`), 404);
    }),
  ];
}

async function manyBuilds({ bob, containers }: AttackedBuilds): Promise<string> {
  const started: string[] = [];
  let last: Answer | undefined;
  for (let n = 0; n < 14 && last === undefined; n++) last = await oneMore(bob, started);
  if (!last) throw new Escaped(`${started.length} builds were begun`);
  let most = 0;
  for (let n = 0; n < 40; n++) {
    most = Math.max(most, (await containers()).length);
    await pause(100);
  }
  for (const template of new Set(started)) await bob.ask('DELETE', `/e2b/templates/${template}`);
  if (most > 2) throw new Escaped(`${most} builds ran at once`);
  return `${most} ran at once, and after ${started.length} ${refused(last, 429)}`;
}

/** Resolves with the refusal of a build, or undefined when it was started. */
async function oneMore(bob: BuildCaller, started: string[]): Promise<Answer | undefined> {
  const answer = await bob.ask('POST', '/e2b/v3/templates', { name: 'many' });
  if (answer.status !== 202) return answer;
  const { templateID, buildID } = JSON.parse(answer.text) as { templateID: string; buildID: string };
  started.push(templateID);
  await bob.start({ template: templateID, build: buildID }, [run(`sleep ${1_000 + started.length}`)]);
  return undefined;
}

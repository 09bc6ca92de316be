// @module-tag all
// Code with state, in the daemon with real processes: on this machine and in a container.
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CellOutcome } from '../../src/agents/kernels/kernel.ts';
import { KernelRegistry } from '../../src/agents/kernels/kernels.ts';
import type { KernelLanguage } from '../../src/agents/kernels/languages.ts';
import type { CodeResult } from '../../src/agents/kernels/messages.ts';
import { systemClock } from '../../src/core/contracts/clock.ts';
import type { SandboxClient } from '../../src/sandboxes/client/client.ts';
import { hasDocker } from '../support/sandboxes/docker.ts';
import { buildImage, sandboxContainer } from '../support/sandboxes/sandbox-container.ts';
import { realSandboxd } from '../support/sandboxes/sandboxd.ts';
import { budget, ownTag, type SandboxdHarness } from './sandboxd/sandboxd.ts';

interface CodeRun extends CellOutcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly results: readonly CodeResult[];
  readonly order: readonly string[];
}
type Options = { context?: string; timeoutMs?: number; tag?: string; signal?: AbortSignal; received?: () => void };

/** Waits a tenth of the time. */
const hurried: typeof systemClock = { ...systemClock, setTimeout: (run, ms) => systemClock.setTimeout(run, ms / 10) };

let nonces = 0;
function kernelsOf(client: SandboxClient, clock = systemClock) {
  const kernels = new KernelRegistry({ clock, newNonce: () => `nonce${nonces++}` });
  onTestFinished(() => kernels.release(client));
  const contexts = kernels.of(client);
  const ran = async (language: KernelLanguage, code: string, options: Options = {}): Promise<CodeRun> => {
    const { context = language, timeoutMs = 60_000, tag, signal = budget(), received = () => {} } = options;
    const reply = { stdout: '', stderr: '' };
    const results: CodeResult[] = [];
    const order: string[] = [];
    const listener = {
      onText: (stream: 'stdout' | 'stderr', text: string) => {
        reply[stream] += text;
        order.push(stream);
        received();
      },
      onResult: (result: CodeResult) => {
        results.push(result);
        order.push('result');
      },
    };
    const cell = { code, timeoutMs, listener, ...(tag !== undefined && { tag }) };
    return { ...(await contexts.execute(context, cell, signal)), ...reply, results, order };
  };
  return { kernels, contexts, ran };
}

/** The daemon that tests share. Each ends the programs that it started. */
function sharedDaemon(open: () => Promise<SandboxdHarness>) {
  let opening: Promise<SandboxdHarness> | undefined;
  afterAll(async () => await (await opening)?.[Symbol.asyncDispose]());
  return async (clock = systemClock) => {
    opening ??= open();
    const { client } = await opening;
    onTestFinished(async () => {
      for (const { id } of await client.programs.list(budget())) await client.programs.close(id, budget());
    });
    return { client, ...kernelsOf(client, clock) };
  };
}

/** The same behaviour in both languages, in their own syntax. */
const words = {
  python: {
    set: 'x = 40',
    get: 'x + 2',
    print: "import sys; print('out'); print('err', file=sys.stderr)",
    fail: "def broken():\n    raise ValueError('no good')\nbroken()",
    error: { name: 'ValueError', value: 'no good', traceback: /line 2, in broken[\s\S]*ValueError: no good$/ },
    syntax: 'x = (',
    wait: 'import time\nprint("waiting", flush=True)\nfor i in range(600): time.sleep(0.1)',
    never: 'import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: time.sleep(1)',
    child: "import subprocess; subprocess.Popen(['sleep', '917'], start_new_session=True); None",
    flood: "print('x' * 3_000_000)",
    die: 'import os; os._exit(3)',
    spin: 'while True: pass',
    where: 'import os; os.getcwd()',
    later: "import asyncio\nawait asyncio.sleep(0.05)\n'later'",
    invalid: "import os; os.write(1, b'\\xff\\0corral:\\n'); None",
    shows: "display({'a': 1}); print('between'); 'end'",
    read: 'input()',
  },
  javascript: {
    set: 'let x = 40;',
    get: 'x + 2',
    print: "console.log('out'); console.error('err')",
    fail: "function broken() {\n  throw new TypeError('no good');\n}\nbroken()",
    error: { name: 'TypeError', value: 'no good', traceback: /^TypeError: no good\n +at broken \(<anonymous>:2:9\)/ },
    syntax: 'x = (',
    wait: 'console.log("waiting"); await new Promise((done) => setTimeout(done, 60_000))',
    never: 'await null; while (true);',
    child: "require('child_process').spawn('sleep', ['917'], { detached: true }); undefined",
    flood: "console.log('x'.repeat(3_000_000))",
    die: 'process.exit(3)',
    spin: 'while (true);',
    where: 'process.cwd()',
    later: "await new Promise((done) => setTimeout(done, 50)); 'later'",
    invalid: 'process.stdout.write(Buffer.from([255, 0, 99, 111, 114, 10])); undefined',
    shows: "display({ a: 1 }); console.log('between'); 'end'",
    read: "require('fs').readFileSync('/dev/null', 'utf8').length + [...(await process.stdin.toArray())].length",
  },
} as const;

/** Packages as pip installs them for the user, with the parts of matplotlib and pandas that the kernel knows. */
const installed = `
import os, site
for name, text in {
    'matplotlib/__init__.py': '',
    'matplotlib/figure.py': 'class Figure:\\n    def savefig(self, out, **_):\\n        out.write(b"PNG of a figure")',
    'matplotlib/pyplot.py': 'from .figure import Figure\\nopened = {}\\n'
        'def figure(n):\\n    return opened.setdefault(n, Figure())\\n'
        'def get_fignums():\\n    return list(opened)\\ndef close(_):\\n    opened.clear()',
    'pandas.py': 'class DataFrame:\\n    columns = ["n"]\\n    def __len__(self):\\n        return 2\\n'
        '    def itertuples(self):\\n        return [(0, 40), (1, 42)]',
}.items():
    path = os.path.join(site.getusersitepackages(), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    open(path, 'w').write(text)
`;

import { describeRows, nightly } from '../support/runner/tags.ts';

function kernelContract(place: string, open: () => Promise<SandboxdHarness>): void {
  describe.each(['python', 'javascript'] as const)(`the kernel of %s, ${place}`, (language) => {
    const own = words[language];
    const opened = sharedDaemon(open);
    const sleeping = async (client: SandboxClient) =>
      (await client.processes(budget())).some(({ cmd }) => cmd === 'sleep 917');
    const plain = ({ results }: CodeRun) => results.map(({ data }) => data['text/plain']);

    test('keeps variables between cells, and counts the cells', async () => {
      const { ran } = await opened();
      expect(await ran(language, own.set)).toMatchObject({ ended: 'whole', count: 1, isFirst: true, results: [] });
      const second = await ran(language, own.get);
      expect(second).toMatchObject({ ended: 'whole', count: 2, isFirst: false, error: undefined });
      expect(second.results).toEqual([{ type: 'result', isMain: true, data: { 'text/plain': '42' } }]);
    });

    test('keeps output and errors apart, and an error names its place in the cell', async () => {
      const { ran } = await opened();
      expect(await ran(language, own.print)).toMatchObject({ stdout: 'out\n', stderr: 'err\n', results: [] });
      const failed = await ran(language, own.fail);
      const { traceback, ...reported } = own.error;
      expect(failed).toMatchObject({ ended: 'whole', isStateLost: false, error: reported });
      expect(failed.error?.traceback).toMatch(traceback);
      expect((await ran(language, own.syntax)).error).toMatchObject({ name: 'SyntaxError' });
    });

    test('waits for promises of the cell, and shows values in their order with the output', async () => {
      const { ran } = await opened();
      expect(plain(await ran(language, own.later))).toEqual(["'later'"]);
      const shown = await ran(language, own.shows);
      expect(shown.order).toEqual(['result', 'stdout', 'result']);
      expect(shown.results.map(({ isMain }) => isMain)).toEqual([false, true]);
      expect(JSON.parse(shown.results[0]?.data['application/json'] ?? '')).toEqual({ a: 1 });
    });

    test('is interrupted when the time of a cell is up, keeps its variables', async () => {
      const { ran } = await opened();
      await ran(language, own.set);
      for (const code of [own.wait, own.spin]) {
        const late = await ran(language, code, { timeoutMs: 700 });
        expect(late).toMatchObject({ ended: 'timed_out', isStateLost: false, error: { name: expect.any(String) } });
      }
      expect(plain(await ran(language, own.get))).toEqual(['42']);
    });

    test('that does not stop is ended, and the next cell finds a new one', async () => {
      const { ran } = await opened(hurried);
      await ran(language, own.set);
      const expected = { ended: 'timed_out', isStateLost: true };
      expect(await ran(language, own.never, { timeoutMs: 5_000 })).toMatchObject(expected);
      expect(await ran(language, own.get)).toMatchObject({
        isFirst: true,
        count: 1,
        error: { name: expect.stringMatching(/^(Name|Reference)Error$/) },
      });
    });

    test('that dies ends its cell with the exit code, and the next cell finds a new one', async () => {
      const { ran } = await opened();
      expect(await ran(language, own.die)).toMatchObject({ ended: 'died', exitCode: 3, isStateLost: true });
      expect(await ran(language, own.set)).toMatchObject({ ended: 'whole', isFirst: true });
    });

    test('is interrupted by a signal, and a stopped run leaves none of its processes', async () => {
      const { client, kernels, ran } = await opened();
      await ran(language, own.child, { tag: ownTag('run-1') });
      await expect.poll(() => sleeping(client)).toBe(true);
      const stop = new AbortController();
      // The test interrupts the cell after its first output, which shows that it runs.
      const work = ran(language, own.wait, { tag: ownTag('run-1'), signal: stop.signal, received: () => stop.abort() });
      expect(await work).toMatchObject({ ended: 'cancelled', isStateLost: false });
      await kernels.endRun(client, ownTag('run-1'));
      expect([await client.programs.list(budget()), await sleeping(client)]).toEqual([[], false]);
      expect(await ran(language, own.get)).toMatchObject({ isFirst: true });
    });

    test('keeps its variables and its output when a cell is interrupted at its first word, again and again', async () => {
      const { ran } = await opened();
      await ran(language, own.set);
      for (let n = 0; n < 4; n++) {
        const stop = new AbortController();
        const ended = await ran(language, own.wait, { signal: stop.signal, received: () => stop.abort() });
        expect(ended).toMatchObject({ ended: 'cancelled', isStateLost: false });
      }
      expect(plain(await ran(language, own.get))).toEqual(['42']);
    });

    test('passes on large output and bytes that are no text, and reads no input', async () => {
      const { ran } = await opened();
      expect((await ran(language, own.flood)).stdout).toHaveLength(3_000_001);
      expect((await ran(language, own.invalid)).stdout).toMatch(/^\ufffd\0cor/);
      expect(plain(await ran(language, own.set))).toEqual([]);
      const read = await ran(language, own.read);
      expect([read.error?.name, ...plain(read)]).toEqual(language === 'python' ? ['EOFError'] : [undefined, '0']);
    });

    if (language === 'python') {
      test('finds packages that were installed in the meantime, and shows their figures and tables', async () => {
        const { client, ran } = await opened();
        await ran(language, own.set);
        expect((await ran(language, 'import pandas')).error?.name).toBe('ModuleNotFoundError');
        await client.writeFile('install.py', Buffer.from(installed), budget());
        expect(await client.exec({ command: 'python3 install.py' }, budget())).toMatchObject({ exitCode: 0 });
        const [table] = (await ran(language, 'import pandas; pandas.DataFrame()')).results;
        expect(table?.data['text/markdown']).toBe(
          '|  | n |\n| --- | --- |\n| 0 | 40 |\n| 1 | 42 |\n\n2 rows × 1 columns',
        );
        const { results } = await ran(language, 'import matplotlib.pyplot as plt; plt.figure(1); None');
        expect(results.map(({ data }) => Buffer.from(data['image/png'] ?? '', 'base64').toString())).toEqual([
          'PNG of a figure',
        ]);
        expect(plain(await ran(language, own.get))).toEqual(['42']);
      });
    }

    test('has contexts with a folder and variables of their own', async () => {
      const { client, contexts, ran } = await opened();
      await client.exec({ command: 'mkdir -p deep' }, budget());
      contexts.create({ id: 'other', language, cwd: 'deep' });
      await ran(language, own.set);
      expect(await ran(language, own.get, { context: 'other' })).toMatchObject({ error: { name: expect.any(String) } });
      expect(plain(await ran(language, own.where, { context: 'other' }))).toEqual([`'${client.workdir}/deep'`]);
      expect(contexts.list().map(({ id }) => id)).toEqual(['python', 'javascript', 'other']);
      await contexts.restart(language);
      expect(await ran(language, own.get)).toMatchObject({ isFirst: true });
      await contexts.remove('other');
      await expect(ran(language, own.get, { context: 'other' })).rejects.toMatchObject({ code: 'not_found' });
      expect((await client.programs.list(budget())).map(({ id }) => id)).toEqual([`kernel-${language}`]);
    });

    const moments = ['in the middle of a cell', 'before a cell begins'] as const;
    test.each(moments)('is found again by a server that starts again, even %s', async (moment) => {
      const { client, kernels, ran } = await opened();
      await ran(language, own.set);
      const begun = Promise.withResolvers<void>();
      const busy = ran(language, own.wait, { received: begun.resolve }).catch(
        (thrown: { code: string }) => thrown.code,
      );
      if (moment === 'in the middle of a cell') await begun.promise;
      const next = kernelsOf(client);
      const found = await next.ran(language, own.get);
      expect(found).toMatchObject({ ended: 'whole', isFirst: false });
      expect([plain(found), await busy]).toEqual([['42'], 'sandbox_lost']);
      kernels.release(client);
    });
  });
}

kernelContract('on this machine', () => realSandboxd());

/** TypeScript needs a newer Node than a machine may have. */
const here = sharedDaemon(() => realSandboxd({ PATH: `${dirname(process.execPath)}:${process.env.PATH}` }));
/** Languages that only compatible facades offer. */
async function openedHere() {
  const own = await here();
  for (const language of ['bash', 'typescript'] as const) own.contexts.create({ id: language, language });
  return own;
}
test('bash keeps variables, functions and its folder, takes the variables of a cell back, and tells a status', async () => {
  const { ran, contexts } = await openedHere();
  const first = await ran('bash', 'x=40; f() { echo "in f"; }; mkdir -p deep; cd deep; echo out; echo err >&2');
  expect(first).toMatchObject({ ended: 'whole', count: 1, stdout: 'out\n', stderr: 'err\n', error: undefined });
  const messages: string[] = [];
  const listener = { onText: (_: string, text: string) => void messages.push(text), onResult: () => {} };
  const env = { OWN: "a'b\nc" };
  await contexts.execute(
    'bash',
    { code: 'echo $((x + 2)) "$OWN" $(basename "$PWD")', timeoutMs: 20_000, listener, env },
    budget(),
  );
  expect(messages.join('')).toBe("42 a'b\nc deep\n");
  const expected = { stdout: 'in f\n[]\n', error: { name: 'ExitStatus', value: '1' } };
  expect(await ran('bash', 'f; echo [$OWN]; read a; false')).toMatchObject(expected);
});
test('a cell of bash that waits or spins is interrupted, and the variables stay', async () => {
  const { ran } = await openedHere();
  await ran('bash', 'kept=7');
  const codes = ['for n in $(seq 600); do sleep 0.1; done; echo never', 'f() { while :; do :; done; }; f; echo never'];
  for (const code of codes) {
    const over = await ran('bash', code, { timeoutMs: 700 });
    expect(over).toMatchObject({ ended: 'timed_out', isStateLost: false, stdout: '', error: { name: 'Interrupted' } });
  }
  expect(await ran('bash', 'echo $kept')).toMatchObject({ stdout: '7\n', isFirst: false });
});
test('a shell that exits is a kernel that died, and the next cell finds a new one', async () => {
  const { ran } = await openedHere();
  expect(await ran('bash', 'exit 3')).toMatchObject({ ended: 'died', exitCode: 3, isStateLost: true });
  expect(await ran('bash', 'echo new')).toMatchObject({ stdout: 'new\n', isFirst: true });
});
test('TypeScript runs without its types, with those parts of it that are code, and keeps its variables', async () => {
  const { ran } = await openedHere();
  const shown = async (code: string) => (await ran('typescript', code)).results[0]?.data['text/plain'];
  expect(await shown('interface A { n: number }\nconst a: A = { n: 41 };\na.n + 1')).toBe('42');
  expect(await shown('enum Kind { One = 1, Two }\nKind.Two as number')).toBe('2');
  expect(await shown('(await Promise.resolve(a)).n')).toBe('41');
  expect((await ran('typescript', 'let x: = 1')).error).toMatchObject({ name: 'SyntaxError' });
});

/** IPython syntax in a cell. The expected value is that of the last expression, or the output. */
const interactive: readonly [what: string, code: string, expected: { text?: unknown; stdout?: unknown }][] = [
  ['an indented cell', '    x = 40\n    if x:\n        y = 2\n    x + y', { text: '42' }],
  ['a command, with a value of the program', 'n = 6\n!printf "%s-" a b {n * 7}', { stdout: 'a-b-42-' }],
  ['the lines of a command', "found = !printf 'a\\nb'\nlen(found), found[1]", { text: "(2, 'b')" }],
  ['a command in a block', 'for i in range(2):\n    !echo n{i}', { stdout: 'n0\nn1\n' }],
  ['text that only looks like commands', "s = '''\n!not\n%nor\n'''\nlen(s), 7 % 4", { text: '(11, 3)' }],
  ['a line that goes on with %', 'a = (7\n% 4)\na', { text: '3' }],
  ['a cell of bash', '%%bash\nfor i in 1 2; do echo "$i"; done', { stdout: '1\n2\n' }],
  ['pip', '%pip --version', { stdout: expect.stringMatching(/^pip \d/) }],
  ['a file', '%%writefile made-by-cell.txt\none\ntwo', { stdout: expect.stringMatching(/riting made-by-cell.txt\n$/) }],
  ['a variable of the environment', "%env OWN_OF_TEST=5\nimport os\nos.environ['OWN_OF_TEST']", { text: "'5'" }],
  ['the shell by its name', "ip = get_ipython()\nip.system('echo sys')", { stdout: 'sys\n' }],
  ['a semicolon, which hides a value', 'x = 1\nx;  # of no interest', {}],
  ['a command that fails', '!exit 3\n_exit_code', { text: '3' }],
  ['a word that is a program of the shell', 'pwd', { text: expect.stringMatching(/^'\//) }],
  ['a magic for figures', '%matplotlib inline\n1.5', { text: '1.5' }],
];
/** Some machines have IPython; `sys.modules` hides it. */
const shells = {
  'without IPython': "import sys; sys.modules['IPython'] = None",
  'with IPython, where the machine has it': 'None',
};
describeRows(Object.entries(shells))('cells %s', ([, first]) => {
  test('have what people write in notebooks, and fail by name where a magic is unknown or a cell of bash fails', async () => {
    const { ran } = await openedHere();
    await ran('python', first);
    for (const [what, code, expected] of interactive) {
      const { error, results, stdout } = await ran('python', code);
      const text = results.find(({ isMain }) => isMain)?.data['text/plain'];
      expect([what, error, text]).toEqual([what, undefined, expected.text]);
      if (expected.stdout !== undefined) expect([what, stdout]).toEqual([what, expected.stdout]);
    }
    const shown = await ran('python', "display({'text/latex': 'x'}, raw=True)");
    expect(shown.results).toEqual([{ type: 'result', isMain: false, data: { 'text/latex': 'x' } }]);
    expect((await ran('python', '%nosuchmagic')).error).toMatchObject({ name: 'UsageError' });
    expect((await ran('python', '%%bash\nexit 3')).error).toMatchObject({ name: 'CalledProcessError' });
    expect((await ran('python', 'def f(:\n pass')).error).toMatchObject({ name: 'SyntaxError' });
    expect((await ran('python', "'on'")).results).toHaveLength(1);
  });
  test('are interrupted while a command of theirs runs, and keep their variables', async () => {
    const { ran } = await openedHere();
    await ran('python', `${first}; kept = 7`);
    const over = await ran('python', '!sleep 600; echo never', { timeoutMs: 700 });
    expect(over).toMatchObject({ ended: 'timed_out', isStateLost: false, stdout: '' });
    expect((await ran('python', 'kept')).results[0]?.data['text/plain']).toBe('7');
  });
});
test('values of IPython.display are shown by their form, whether IPython is there or not', async () => {
  const { ran } = await openedHere();
  const code = "from IPython.display import HTML, Image, display\ndisplay(HTML('<b>1</b>'))\nImage(data=b'\\x89PNG-')";
  const { error, results } = await ran('python', code);
  expect(error).toBeUndefined();
  expect(results.map(({ isMain, data }) => [isMain, data['text/html'] ?? data['image/png']])).toEqual([
    [false, '<b>1</b>'],
    [true, Buffer.from('\x89PNG-', 'latin1').toString('base64')],
  ]);
});
test('pictures of Pillow are shown when a cell shows them or saves them under a name', async () => {
  const { ran } = await openedHere();
  const picture = [
    "import os, sys; os.makedirs('PIL'); sys.path.insert(0, os.getcwd())",
    "open('PIL/__init__.py', 'w').close()",
    "open('PIL/Image.py', 'w').write('''",
    'class Image:',
    '    def __init__(self, name): self.name = name',
    '    def save(self, fp, format=None): (open(fp, "w") if isinstance(fp, str) else fp).write(self.name)',
    '    def show(self): raise OSError("no screen")',
    '    def _repr_png_(self): return self.name.encode()',
    "'''); None",
  ].join('\n');
  const code = [
    'from PIL import Image; import io',
    "Image.Image('shown').show()",
    "Image.Image('saved').save('saved.png')",
    "Image.Image('kept').save(io.StringIO())",
    "open('saved.png').read()",
  ].join('\n');
  await ran('python', picture);
  const { error, results } = await ran('python', code);
  expect(error).toBeUndefined();
  const png = (name: string) => Buffer.from(name).toString('base64');
  const expected = [...[png('shown'), png('saved')], "'saved'"];
  expect(results.map(({ data }) => data['image/png'] ?? data['text/plain'])).toEqual(expected);
});
test('a kernel that starts for a cell works in the folder of the cell', async () => {
  const { contexts } = await openedHere();
  const shown: CodeResult[] = [];
  const listener = { onText: () => {}, onResult: (result: CodeResult) => void shown.push(result) };
  const cell = { code: 'import os; os.getcwd()', timeoutMs: 20_000, listener, folder: '/usr' };
  await contexts.execute('python', cell, budget());
  expect(shown[0]?.data['text/plain']).toBe("'/usr'");
});

const docker = await hasDocker();
describe.skipIf(!docker)(docker ? 'in a container' : 'in a container: skipped, Docker does not answer', nightly, () => {
  let built: Promise<void> | undefined;
  kernelContract('in a container', async () => {
    built ??= buildImage();
    await built;
    return await sandboxContainer();
  });
});

async function pathWith(...names: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-path-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of names) await symlink(`/bin/${name}`, join(folder, name));
  return folder;
}

test.each([{}, { folder: '/usr' }])('a sandbox without the interpreter is named (%j)', async (where) => {
  const harness = await realSandboxd({ PATH: await pathWith('sh') });
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const cell = { code: '1', timeoutMs: 20_000, listener: { onText: () => {}, onResult: () => {} }, ...where };
  const expected = { code: 'file_not_found', publicMessage: expect.stringContaining('python cells need python3') };
  await expect(kernelsOf(harness.client).contexts.execute('python', cell, budget())).rejects.toMatchObject(expected);
});

import { type CommandContext, Exit } from './command-context.ts';

type Builtin = (args: readonly string[], around: CommandContext) => Promise<number>;

const text = (value: string) => Buffer.from(value);

export const builtins: Readonly<Record<string, Builtin>> = {
  true: async () => 0,
  ':': async () => 0,
  false: async () => 1,
  exit: async ([code = '0']) => {
    throw new Exit(Number(code) & 255);
  },
  async echo(args, { out }) {
    const bare = args[0] === '-n';
    await out(text(`${args.slice(bare ? 1 : 0).join(' ')}${bare ? '' : '\n'}`));
    return 0;
  },
  async printf([format = '', ...values], { out }) {
    const escapes: Record<string, string> = { n: '\n', t: '\t', '\\': '\\', '0': '\0' };
    const plain = format.replace(/\\(.)/g, (all, char) => escapes[char] ?? all);
    await out(text(plain.replace(/%([sd%])/g, (_, kind) => (kind === '%' ? '%' : (values.shift() ?? '')))));
    return 0;
  },
  async cat(args, around) {
    for (const path of args) await around.out(around.files.read(around.files.locate(path, around.cwd)));
    if (args.length > 0) return 0;
    for (;;) {
      const line = await around.readLine();
      if (line === undefined) return 0;
      await around.out(text(line));
    }
  },
  async sleep([seconds = ''], around) {
    if (!/^(?:\d+(?:\.\d+)?|\.\d+|infinity)$/.test(seconds)) {
      await around.err(`sleep: invalid time interval '${seconds}'\n`);
      return 1;
    }
    await around.sleep(seconds === 'infinity' ? 2 ** 31 - 1 : Math.min(Number(seconds) * 1_000, 2 ** 31 - 1));
    return 0;
  },
  async pwd(_args, { cwd, out }) {
    await out(text(`${cwd}\n`));
    return 0;
  },
  async cd([path = '.'], around) {
    const full = around.files.locate(path, around.cwd);
    if (!around.files.isFolder(full)) {
      await around.err(`bash: line 1: cd: ${path}: No such file or directory\n`);
      return 1;
    }
    around.cwd = full;
    return 0;
  },
  async export(args, { env }) {
    for (const arg of args) {
      const equals = arg.indexOf('=');
      if (equals > 0) env[arg.slice(0, equals)] = arg.slice(equals + 1);
    }
    return 0;
  },
  async read([name = 'REPLY'], { env, readLine }) {
    const line = await readLine();
    env[name] = (line ?? '').replace(/\n$/, '');
    return line === undefined ? 1 : 0;
  },
  async mkdir(args, { files, cwd }) {
    for (const path of args) if (!path.startsWith('-')) files.makeFolder(files.locate(path, cwd));
    return 0;
  },
  async rm(args, { files, cwd }) {
    for (const path of args) if (!path.startsWith('-')) files.remove(files.locate(path, cwd));
    return 0;
  },
  async ls([path = '.'], { files, cwd, out }) {
    const names = files.list(files.locate(path, cwd)).map(({ name }) => name);
    for (const name of names.filter((it) => !it.startsWith('.')).sort()) await out(text(`${name}\n`));
    return 0;
  },
  async seq([last = '0'], { out }) {
    for (let n = 1; n <= Number(last); n++) await out(text(`${n}\n`));
    return 0;
  },
  async yes([word = 'y'], { out, signal }) {
    const page = text(`${word}\n`.repeat(4_096));
    while (!signal.aborted) await out(page);
    return 0;
  },
};

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { AppError } from '../../core/errors/errors.ts';

interface LanguageDescription {
  readonly file: string;
  argv(source: string): readonly string[];
  readonly env: readonly string[];
}

/** Programs are passed as arguments, so no file appears in the sandbox. */
const languages = {
  python: {
    file: 'kernel.py',
    argv: (source) => ['python3', '-c', source],
    env: ['PYTHONUTF8=1', 'MPLBACKEND=agg'],
  },
  javascript: {
    file: 'kernel.cjs',
    argv: (source) => ['node', '--no-warnings', '-e', source],
    env: [],
  },
  typescript: {
    file: 'kernel.cjs',
    argv: (source) => ['node', '--no-warnings', '-e', source, 'typescript'],
    env: [],
  },
  bash: {
    file: 'kernel-bash.py',
    argv: (source) => ['python3', '-c', source],
    env: ['PYTHONUTF8=1'],
  },
} as const satisfies Record<string, LanguageDescription>;
export type KernelLanguage = keyof typeof languages;
export const defaultContextLanguages = ['python', 'javascript'] as const satisfies readonly KernelLanguage[];

function folder(): string {
  const places = ['./programs/', '../../../../src/agents/kernels/programs/'];
  const folders = places.map((place) => fileURLToPath(new URL(place, import.meta.url)));
  const found = folders.find((it) => existsSync(it));
  if (found === undefined) throw new AppError('internal', `The kernels are missing: no ${folders.join(', no ')}.`);
  return found;
}

function sourceOf(file: string): string {
  const read = (name: string) => readFileSync(`${folder()}${name}`, 'utf8');
  return read(file).replace(/^# corral:(\w+)$/m, (_, part) => read(`${part}.py`));
}

const sources = new Map<KernelLanguage, string>();

export function buildKernelProgram(language: KernelLanguage): {
  readonly argv: readonly string[];
  readonly env: readonly string[];
} {
  const { file, argv, env } = languages[language];
  const source = sources.get(language) ?? sourceOf(file);
  sources.set(language, source);
  return { argv: argv(source), env };
}

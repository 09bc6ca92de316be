import { globSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

// Each mechanism is written once. The table lists the files that still have their own; the test fails for any further
// file, and for a line that no longer applies.

interface Mechanism {
  readonly what: string;
  readonly found: RegExp;
  readonly sample: string;
  /** The number of hits in each file that has some. */
  readonly left: Readonly<Record<string, number>>;
}
/** Loops with a body of their own that contains the pattern, in this file's indentation. */
const loopsWith = (inside: string) =>
  new RegExp(
    String.raw`^( *)(?:while \(|for \((?!const |await ))[^\n]*\{\n(?:\1 [^\n]*\n|\n)*?\1 [^\n]*${inside}`,
    'gm',
  );

const mechanisms: readonly Mechanism[] = [
  {
    what: 'repeats a write of a record until nobody was faster',
    found: loopsWith(String.raw`(?:\.put\(.*ignoreConflict|'conflict'\) (?:continue|throw thrown))`),
    sample: '  for (;;) {\n    if ((await records.put(next).catch(ignoreConflict)) !== undefined) return;\n  }\n',
    left: { 'src/storage/collection.ts': 1 },
  },
  {
    what: 'receives after its construction what it works with',
    found: /^ +(?:meet|bind)\([^)]*\): void/gm,
    sample: '  bind(sessions: LiveSessions): void {',
    left: {},
  },
  {
    what: 'adds the usage of two parts',
    found:
      /\b(\w*[tT]okens): \(?[\w.]+\??\.\1\b[^,\n]*\+|[tT]okens \+=|sum\((?:json_extract\(fact, '\$\.data\.inputTokens|input\))/g,
    sample: '  inputTokens: sum.inputTokens + inputTokens,',
    left: {
      'src/sessions/run/agent/external-turn.ts': 1, // the reports of one message
      'src/agents/acp/agent.ts': 1, // the same, from the agent's totals
      'src/storage/sqlite/reads.ts': 1, // in SQL, over the index
    },
  },
  {
    what: 'copies the files of a workspace by a program of its own',
    found: /\btar (?:-c|--create)|'checkpoint %s|\bcp --parents/g,
    sample: 'find . -print0 | tar --create --null --files-from=- --file=-',
    left: {
      'src/sessions/forks/workspace-archive.ts': 1, // to another sandbox or into the store of copies
      'src/sessions/repositories/checkpoints.ts': 1, // inside the sandbox, by git
      'src/sessions/run/snapshot/run-snapshots.ts': 1, // the same without git, for images that have none
    },
  },
  {
    what: 'compares what was used with the limit of a budget',
    found: /(?<!#)\b(?:used|spent|before)\b[^\n;]*[<>]=? [\w.]*limit\b|\blimit - [^\n;]*\b(?:used|spent|reserved)\b/g,
    sample: '  if (rest.used + needs.tokens > rest.limit) return over;\n',
    left: { 'src/core/model/runs/budget.ts': 3 },
  },
  {
    what: 'waits in a loop of its own instead of in Rounds',
    found: loopsWith(String.raw`\bsleep\(`),
    sample: '  while (!signal.aborted) {\n    await sleep(lookMs, signal, clock);\n  }\n',
    left: {
      // retries of one call
      'src/agents/browser/report.ts': 1,
      'src/app/commands/rotate-keys.ts': 1,
      'src/app/images/desktop-image.ts': 1,
      'src/app/start/store-wait.ts': 1,
      'src/sandboxes/client/http-client.ts': 2,
      'src/sessions/cluster/remote-commands.ts': 1,
      'src/sessions/services/sessions/deletion.ts': 1,
      'src/core/concurrency/rounds.ts': 1, // `poll`, the mechanism
      // rounds with their own rhythm or end
      'src/facades/compat/sheikhbox/stream/list-stream.ts': 1,
      'src/sessions/engine/sandbox/sandbox-actors.ts': 1,
      'src/sessions/repositories/ready-workspaces.ts': 1,
      'src/sessions/run/log/stored-request.ts': 1,
    },
  },
];
const root = resolve(import.meta.dirname, '../..');
const files = globSync('{src,machines}/**/*.ts', { cwd: root, exclude: ['src/{web,cli,client}/**'] })
  .sort()
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
const countIn = (text: string, { found }: Mechanism) => [...text.matchAll(found)].length;

describe.each(mechanisms)('a file that $what', (mechanism) => {
  test('is one of those that are known', () => {
    const counts = files.map(({ path, text }) => [path, countIn(text, mechanism)] as const);
    expect(Object.fromEntries(counts.filter(([, count]) => count > 0))).toEqual(mechanism.left);
  });
  test('is found by its sample', () => expect(countIn(mechanism.sample, mechanism)).toBe(1));
});

test('at most three guards are written by hand', () => {
  const guards = globSync('src/sessions/access/guarded-*.ts', { cwd: root }).map((path) => basename(path));
  expect(guards.sort()).toEqual(['guarded-projects.ts', 'guarded-resources.ts', 'guarded-services.ts']);
});

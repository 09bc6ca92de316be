import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

// Rules for our source that the linter cannot check. Each rule has a sample that breaks it, so that a rule which no
// longer matches anything is noticed.

interface Rule {
  readonly what: string;
  readonly pattern: RegExp;
  readonly sample: string;
  /** Only these files have to keep the rule; absent: all. */
  readonly within?: RegExp;
  /** Files in which the pattern is allowed, each with the reason. */
  readonly but?: Readonly<Record<string, string>>;
}
const rules: Rule[] = [
  {
    what: 'calls a service without the checks of its operations',
    pattern: /\bunchecked\b/g,
    sample: 'await acting(principal).unchecked.webhooks.list();',
    within: /^src\/facades\//,
  },
  {
    what: 'takes a key that an input method composes with, instead of calling pressedKey',
    pattern:
      /\bisComposing \|\||\|\| event\.isComposing|\bkeyCode ===|event\.key [!=]==|\[event\.key\]|\(\{ key \}\) =>/g,
    sample: "if (event.key === 'Enter') submit();",
    within: /^src\/web\//,
    but: { 'src/web/parts/pressed-key.ts': 'decides it for all', 'src/web/data/prefs.ts': 'the key of a stored value' },
  },
  {
    what: 'starts a shell to start a program',
    pattern: /import \{[^}]*\b(exec|execSync)\b[^}]*\} from 'node:child_process'|\bshell: true\b/g,
    sample: "import { exec } from 'node:child_process';",
  },
  {
    what: 'combines signals so that an abort can be missed, instead of calling combineSignals',
    pattern: /\bAbortSignal\.any\(/g,
    sample: 'const either = AbortSignal.any([signal, lost]);',
    but: { 'src/core/concurrency/cancel.ts': 'holds the sources too' },
  },
  {
    what: 'makes code of a text',
    pattern: /(?<![\w.$])eval\(|\bnew Function\(|\bvm\.(run|Script|compile)/g,
    sample: 'const value = eval(text);',
  },
  {
    what: 'makes HTML of a text',
    pattern: /\.(innerHTML|outerHTML)\s*=|\.insertAdjacentHTML\(|document\.write\(/g,
    sample: 'element.innerHTML = text;',
  },
  {
    what: 'compares a secret in a time that tells of it',
    pattern:
      /\.reveal\(\)\s*[!=]==?|[!=]==?\s*[\w.]+\.reveal\(\)|\b(signature|password|apiKey|bearer)\s*[!=]==?\s*(?!undefined|null|'')[\w.]+/gi,
    sample: 'if (secret === token.reveal()) return true;',
  },
  {
    what: 'makes a regular expression of what is only known when it runs',
    pattern: /new RegExp\(/g,
    sample: 'const pattern = new RegExp(text);',
    but: {
      'src/observability/scrub.ts': 'of escaped secrets, and of its own words',
      'src/http/routes/routes.ts': 'of the routes',
      'src/facades/guide/render.ts': 'of its own words',
      'src/cli/commands/server/templates.ts': "of the escaped patterns of a person's own .dockerignore",
      'drivers/docker/filter/container-rules.ts': 'of the escaped name of the installation',
      'drivers/docker/filter/routes.ts': 'of its own words',
      'src/web/parts/ansi.ts': 'of its own words',
      'src/web/parts/kit/schema.ts': "of the patterns in the server's own schemas",
      'src/cli/io.ts': 'of its own words',
      'src/core/text/terminal/screen-text.ts': 'of its own words',
      'src/core/text/files/encoding.ts': 'of its own words',
      'src/app/settings/templates.ts': 'of its own limit',
      'src/agents/models/aisdk/written-calls.ts': 'of the escaped beginnings of its own forms',
      'src/automations/hooks/receiver.ts': 'of the escaped name of an account',
    },
  },
  {
    what: 'trusts whoever answers over TLS',
    pattern: /rejectUnauthorized:\s*false|NODE_TLS_REJECT_UNAUTHORIZED|checkServerIdentity/g,
    sample: 'connect({ rejectUnauthorized: false });',
  },
  {
    what: 'takes its chances where a secret could come of it',
    pattern: /Math\.random/g,
    sample: 'const id = Math.random().toString(36);',
    but: {
      'src/app/start/engine.ts': 'waits between tries',
      'src/app/start/agents.ts': 'waits between tries',
      'src/app/parts/projects.ts': 'waits between tries',
      'src/app/parts/driver.ts': 'waits between tries',
      'src/app/commands/reap.ts': 'waits between tries',
      'src/app/start/services/webhooks.ts': 'waits between tries',
      'src/client/client.ts': 'waits between tries',
      'src/cli/worker/agents-api.ts': 'waits between tries',
      'src/cli/worker/session-work.ts': 'waits between tries',
      'src/agents/models/demo/tasks/list.ts': 'puts an apple into a game',
      'src/web/data/server.ts': 'waits between tries',
      'src/web/desktop/screen.ts': 'waits between tries',
      'src/agents/browser/page-script.ts': 'tells one page from the next',
      'sandbox-images/sandboxd/desktop/wait-for-program.ts': 'tells a question to the screen from the next',
    },
  },
  {
    what: "parses a peer's JSON without limits of bytes, depth and values (`parseJson` of core/json.ts)",
    pattern:
      /\bJSON\.parse\(|\bjsonOrNothing\(|(?<=\b(?:request|response|reply|answer|body))\.json\(\)|\bdeserializeMessage\(/g,
    sample: 'const body = JSON.parse(text);',
    // Other text is the server's own: its settings, stores and logs, and the drivers' engines and clusters.
    within: /^src\/(agents|auth|cli|facades|http|sandboxes|sessions)\/|^drivers\/shared\/link\/handshake/,
    but: {
      'src/cli/server.ts': 'of the file that a server of the same user wrote',
      'src/cli/main.ts': 'of files of this package',
      'src/cli/terminal/open.ts': 'of the history that it wrote itself',
      'src/facades/guide/guide.js': 'of the index that its own server made',
      'src/http/guard/idempotency.ts': 'of an answer that this server sealed itself',
      'src/sessions/tool-servers/entered.ts': 'of secrets that this server sealed itself',
      'src/http/routes/app.ts': 'of a reply of this server, in development only',
      'src/agents/mcp/connect.ts': 'by the package, after the limits of `findExceededLimit`',
    },
  },
  {
    what: 'reads the inner parts of a tRPC procedure',
    pattern: /\b_def\b/g,
    sample: 'const { resolver } = procedure._def;',
    but: { 'src/api/procedure/procedure.ts': 'reads what it has described' },
  },
  {
    what: 'weakens a container',
    pattern:
      /Privileged: true|CapAdd|seccomp[:=]unconfined|apparmor[:=]unconfined|hostNetwork: true|hostPID: true|privileged: true/g,
    but: {
      'drivers/docker/builds/builds.ts':
        'lets apt and dpkg work in the container of a build, whose files are an image of its own; off by default',
      'drivers/docker/volumes.ts': 'gives the files of a volume to the user of a sandbox, in a container of its own',
    },
    sample: 'const host = { Privileged: true };',
  },
];
/** Rules for the tests themselves: a limit belongs to the project or the tag, and a duration to `bench`. */
const testRules: Rule[] = [
  {
    what: 'has a time limit of its own',
    pattern: /\b(?:test|it|describe)(?:\.\w+(?:\([^()]*\))?)*\(\s*(?:'[^'\n]*'|`[^`]*`),\s*\{[^{}]*\btimeout:/g,
    sample: "test('a', { timeout: 5_000 }, () => {});",
  },
  {
    what: 'reads the processor’s clock',
    pattern: /\bperformance\.now\(/g,
    sample: 'const began = performance.now();',
  },
  {
    what: 'reads the clock, sleeps, or measures time or memory',
    pattern:
      /(?<![.\w])Date\.now\b|(?<![.\w])setTimeout\(|\bsetTimeout\b[^;\n]*'node:timers\/promises'|\bcpuUsage\(|\bmemoryUsage\b|\brss\b|\bAtomics\.wait\b/g,
    sample: 'const began = Date.now();',
    within: /^test\/unit\//,
    but: {
      'test/unit/agents/acp/agents.test.ts': 'an agent that ended unheard leaves nothing to wait for',
      'test/unit/automations/webhooks.test.ts': 'the public library compares a signature with the time',
      'test/unit/drivers/freeze.test.ts': 'a clock that does not wait',
      'test/unit/facades/shared/small-parts.test.ts': 'names that a limiter has forgotten show in the heap alone',
      'test/unit/observability/logger.test.ts': 'in the text of another program',
      'test/unit/sandboxes/egress/authority.test.ts': 'OpenSSL compares a certificate with the time',
    },
  },
];

const root = resolve(import.meta.dirname, '../..');
const files = globSync('{src,drivers,machines,sandbox-images}/**/*.{ts,tsx,js}', { cwd: root }).map((path) => ({
  path,
  text: readFileSync(join(root, path), 'utf8'),
}));
const testFiles = globSync('test/{unit,wire,core,contract,job,page}/**/*.test.ts', { cwd: root })
  .filter((path) => !path.endsWith('source-rules.test.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
/** `path:line` of each match that is not allowed. */
const broken = ({ pattern, but = {}, within = /(?:)/ }: Rule, all = files) =>
  all.flatMap(({ path, text }) =>
    path in but || !within.test(path)
      ? []
      : [...text.matchAll(pattern)].map(({ index }) => `${path}:${text.slice(0, index).split('\n').length}`),
  );

test('the rules find source files to check', () => expect(files.length).toBeGreaterThan(300));

describe.each([
  ...rules.map((rule) => ({ ...rule, all: files, where: 'source' })),
  ...testRules.map((rule) => ({ ...rule, all: testFiles, where: 'test' })),
])('no $where $what', ({ all, ...rule }) => {
  test('in the tree', () => expect(broken(rule, all)).toEqual([]));
  test('except in its sample, which it finds', () =>
    expect(broken({ ...rule, within: /(?:)/ }, [{ path: 'a.ts', text: rule.sample }])).toEqual(['a.ts:1']));
  test('and every exception is still one', () => {
    const exceptions = all.filter(({ path }) => path in (rule.but ?? {}));
    const stillOne = exceptions.filter((file) => broken({ ...rule, but: {} }, [file]).length > 0);
    expect(stillOne.map(({ path }) => path).sort()).toEqual(Object.keys(rule.but ?? {}).sort());
  });
});

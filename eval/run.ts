// `npm run eval -- [--model <provider/model>] [--tasks a,b] [--repeat n] [--driver docker|process] [--json FILE]` gives
// the tasks to a model and counts how many it completes. Default: recorded replies instead of a model. `--check`
// verifies the checkers; `--compare A.json B.json` compares two runs. See docs/evaluation.md.
import { readFile, writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { tryParseJson } from '../src/core/text/text.ts';
import { attemptTask, type EvalAgent } from './lib/attempt.ts';
import { recordedModelRef, startRecordedModels } from './lib/recorded.ts';
import { EvalReport, formatComparison, formatReport, type TaskOutcome } from './lib/report.ts';
import { startEvalServer } from './lib/server.ts';
import { runSessionCommand, sessionCommandUsage } from './lib/sessions.ts';
import { readTasks, type Task } from './lib/task.ts';

const usage =
  '[--model <provider/model>] [--tasks a,b] [--repeat n] [--driver docker|process] [--parallel n] [--json FILE] [--check] ' +
  `| --compare A.json B.json | ${sessionCommandUsage}`;

const terminal = { signal: interruption(), print: console.log, say: console.error };
const ofSession = await runSessionCommand(process.argv.slice(2), terminal).catch((error: Error) => {
  console.error(error.message);
  return 1;
});
if (ofSession !== undefined) process.exit(ofSession);
const { values, positionals } = wishes();
if (values.compare) console.log(formatComparison(await reportIn(positionals[0]), await reportIn(positionals[1])));
else await evaluate();

async function evaluate(): Promise<void> {
  const tasks = await readTasks(values.tasks?.split(',').map((name) => name.trim())).catch(refuse);
  const [repeat, parallel] = [values.check ? 1 : wholeNumber('repeat'), wholeNumber('parallel')];
  const interrupted = terminal.signal;
  await using stack = new AsyncDisposableStack();
  const recorded =
    values.model || values.check ? undefined : stack.use(await startRecordedModels(tasks, repeat).catch(refuse));
  const driver: Record<string, string> = values.driver === undefined ? {} : { CORRAL_DRIVER: values.driver };
  const { corral } = stack.use(await startEvalServer({ ...driver, ...recorded?.settings }, interrupted));
  interrupted.addEventListener('abort', () => void stack.disposeAsync().finally(() => process.exit(1)), { once: true });
  const startedAt = new Date().toISOString();
  const { driver: used } = await corral.system.info.query();
  const agentFor = (task: Task, n: number): EvalAgent => ({ model: values.model ?? recordedModelRef(task, n) });
  const jobs = tasks.flatMap((task) => Array.from({ length: repeat }, (_, n) => ({ task, n: n + 1 })));
  const outcomes = await inParallel(jobs, parallel, async ({ task, n }): Promise<TaskOutcome[]> => {
    const agents: EvalAgent[] = values.check ? ['nothing', 'solution'] : [agentFor(task, n)];
    const created: TaskOutcome[] = [];
    for (const agent of agents) {
      const outcome = { ...(await attemptTask(corral, task, agent)), attempt: n };
      console.error(lineOn(outcome));
      created.push(outcome);
    }
    return created;
  });
  const report: EvalReport = {
    schema: 'corral-eval/1',
    driver: used,
    startedAt,
    model: values.model ?? (values.check ? 'none' : 'recorded replies'),
    outcomes: outcomes.flat(),
  };

  conclude(report);
  if (values.json) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

/**
 * Aborts at the first signal to exit. Must listen before the server starts, so that no server outlives this program.
 */
function interruption(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => stop.abort(new Error(`ended by ${signal}`)));
  }
  return stop.signal;
}

function lineOn({ task, passed, status, why, seconds }: TaskOutcome): string {
  // A check without a solution must fail.
  const isRight = values.check ? passed === (status === 'solution') : passed;
  const text = isRight && values.check ? '' : why;
  const word = values.check ? (isRight ? 'right' : 'WRONG') : isRight ? 'pass' : 'FAIL';
  return `${word}  ${task}  ${status}  ${seconds.toFixed(1)} s${text === '' ? '' : `  ${text}`}`;
}

function conclude(report: EvalReport): void {
  const { outcomes, driver } = report;
  if (!values.check) {
    console.log(formatReport(report));
    const passed = outcomes.filter((it) => it.passed).length;
    console.log(`\n${passed} of ${outcomes.length} passed with ${report.model} on ${driver}`);
    process.exitCode = passed === outcomes.length ? 0 : 1;
    return;
  }
  const wrong = outcomes.filter(({ status, passed }) => passed !== (status === 'solution'));
  for (const { task, status, why } of wrong) console.log(`${task}: the checker is wrong after ${status}. ${why}`);
  console.log(
    `${outcomes.length / 2 - new Set(wrong.map(({ task }) => task)).size} checkers of ${outcomes.length / 2}`,
  );
  process.exitCode = wrong.length === 0 ? 0 : 1;
}

async function inParallel<Job, Result>(
  jobs: readonly Job[],
  most: number,
  work: (job: Job) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  const worker = async () => {
    for (let at = next++; at < jobs.length; at = next++) results[at] = await work(jobs[at] as Job);
  };
  await Promise.all(Array.from({ length: most }, worker));
  return results;
}

async function reportIn(file: string | undefined): Promise<EvalReport> {
  if (file === undefined) return refuse(new Error('--compare needs two files that --json wrote'));
  const parsed = EvalReport.safeParse(tryParseJson(await readFile(file, 'utf8').catch(refuse)));
  return parsed.success ? parsed.data : refuse(new Error(`${file} is no report: ${z.prettifyError(parsed.error)}`));
}

function wholeNumber(name: 'repeat' | 'parallel'): number {
  const number = Number(values[name]);
  return Number.isInteger(number) && number > 0 ? number : refuse(new Error(`--${name} needs a number from 1`));
}

function wishes() {
  const text = { type: 'string' } as const;
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        model: text,
        tasks: text,
        driver: text,
        json: text,
        repeat: { ...text, default: '1' },
        parallel: { ...text, default: '3' },
        check: { type: 'boolean', default: false },
        compare: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    return refuse(error as Error);
  }
}

function refuse(error: Error): never {
  console.error(`${error.message}. It takes ${usage}; docs/evaluation.md says what they do.`);
  process.exit(2);
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { CorralClient, Outputs } from '../../src/client/index.ts';
import type { TaskOutcome } from './report.ts';
import type { Task } from './task.ts';
import { runCheckedCommand, runSandboxCommand, uploadFolder } from './upload.ts';

type Cost = Outputs['sessions']['cost'];
const setupSeconds = 120;
const files = '/tmp/corral-eval';

export type EvalAgent = { readonly model: string } | 'solution' | 'nothing';
interface AttemptReport {
  readonly status: string;
  readonly cost?: Cost;
}

const maxTries = 3;

/**
 * Attempts a task in its own session. A sandbox that is lost or does not start shows nothing about the agent, so the
 * task is attempted up to `maxTries` times.
 */
export async function attemptTask(
  corral: CorralClient,
  task: Task,
  agent: EvalAgent,
): Promise<Omit<TaskOutcome, 'attempt'>> {
  for (let tries = 1; ; tries++) {
    try {
      return await once(corral, task, agent);
    } catch (error) {
      const why = (error as Error).message;
      if (tries < maxTries) continue;
      const nothing = { seconds: 0, turns: 0, inputTokens: 0, cachedTokens: 0, outputTokens: 0, cost: null };
      return { task: task.name, passed: false, reward: 0, status: 'broken', why, ...nothing };
    }
  }
}

async function once(corral: CorralClient, task: Task, agent: EvalAgent): Promise<Omit<TaskOutcome, 'attempt'>> {
  const model = typeof agent === 'object' ? { model: agent.model } : {};
  const { id: sessionId } = await corral.sessions.create.mutate({ title: task.name, ...model });
  const sandbox = { corral, sessionId };
  try {
    await prepare(sandbox, task);
    const began = performance.now();
    const { status, cost } = await work(sandbox, task, agent);
    const seconds = (performance.now() - began) / 1_000;
    const { reward, message: text } = await verify(sandbox, task);
    const { turns = 0, inputTokens = 0, cachedTokens = 0, outputTokens = 0, cost: price = null } = cost?.total ?? {};
    const passed = reward === 1;
    return {
      task: task.name,
      passed,
      reward,
      status,
      seconds,
      turns,
      inputTokens,
      cachedTokens,
      outputTokens,
      cost: price,
      why: passed ? '' : text,
    };
  } finally {
    await corral.sessions.delete.mutate({ id: sessionId });
  }
}

type Sandbox = Parameters<typeof runSandboxCommand>[0];

async function prepare(sandbox: Sandbox, { folder }: Task): Promise<void> {
  const environment = join(folder, 'environment');
  await sandbox.corral.sandbox.start.mutate({ sessionId: sandbox.sessionId });
  if (existsSync(join(environment, 'files'))) await uploadFolder(sandbox, join(environment, 'files'), '.');
  if (!existsSync(join(environment, 'setup.sh'))) return;
  await uploadFolder(sandbox, environment, files);
  await runCheckedCommand(sandbox, `bash ${files}/setup.sh`, setupSeconds);
  await runCheckedCommand(sandbox, `rm -rf ${files}`, 10);
}

async function work(sandbox: Sandbox, task: Task, agent: EvalAgent): Promise<AttemptReport> {
  if (agent === 'nothing') return { status: 'nothing' };
  if (agent === 'solution') {
    await uploadFolder(sandbox, join(task.folder, 'solution'), files);
    const { exitCode, output } = await runSandboxCommand(sandbox, `bash ${files}/solve.sh`, task.agentSeconds);
    return { status: exitCode === 0 ? 'solution' : `the solution failed: ${output.slice(-500)}` };
  }
  const { corral, sessionId } = sandbox;
  const status = await instructed(sandbox, task);
  return { status, cost: await corral.sessions.cost.query({ id: sessionId }) };
}

/** A question or the time limit stops the run, because nobody can answer. */
async function instructed({ corral, sessionId }: Sandbox, { instruction, agentSeconds }: Task): Promise<string> {
  const ended = Promise.withResolvers<string>();
  const timer = setTimeout(() => ended.resolve('timed out'), agentSeconds * 1_000);
  let failure = '';
  const watching = corral.events.subscribe.subscribe(
    { sessionId, lastEventId: '0' },
    {
      onData({ data: event }) {
        if (event.type === 'sandbox.phase' && event.data.phase === 'lost')
          ended.reject(new Error('the sandbox was lost'));
        if (event.type === 'run.error') failure = `: ${event.data.error}`;
        if (event.type === 'run.wait') ended.resolve(`waiting: ${event.data.question}`);
        if (event.type === 'run.end') ended.resolve(`${event.data.status}${failure}`);
      },
      onError: ended.reject,
    },
  );
  try {
    await corral.runs.send.mutate({ sessionId, text: instruction });
    const status = await ended.promise;
    if (!status.startsWith('completed')) await corral.runs.stop.mutate({ sessionId });
    return status;
  } finally {
    clearTimeout(timer);
    watching.unsubscribe();
  }
}

/** Runs the checker as Harbor does, but in another folder: a sandbox has no root, which /logs would require. */
async function verify(sandbox: Sandbox, task: Task): Promise<{ reward: number; message: string }> {
  await runCheckedCommand(sandbox, `rm -rf ${files}`, 10);
  await uploadFolder(sandbox, join(task.folder, 'tests'), `${files}/tests`);
  const command = `mkdir ${files}/verifier && VERIFIER_DIR=${files}/verifier bash ${files}/tests/test.sh`;
  const { exitCode, output } = await runSandboxCommand(sandbox, command, task.verifierSeconds);
  const found = await runSandboxCommand(sandbox, `cat ${files}/verifier/reward.txt`, 10);
  const reward = found.exitCode === 0 ? Number(found.output) : Number.NaN;
  await runCheckedCommand(sandbox, `rm -rf ${files}`, 10);
  if (Number.isNaN(reward))
    return { reward: 0, message: `the checker gave no reward (exit code ${exitCode}): ${output}` };
  return { reward, message: output.split('\n').slice(-3).join(' ').slice(-300) };
}

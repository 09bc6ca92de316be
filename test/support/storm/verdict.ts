import { readdir, readFile, readlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionEvent } from '../../../src/core/model/events.ts';
import { problemsOf } from '../hostile/checker.ts';
import { illegalities } from '../simulation/legality.ts';
import type { StormParts } from './making.ts';

/** V8 keeps pages after a burst of 5 MB outputs and rejected starts, so this only catches growth without a bound. */
const maxMebibytes = 600;

export interface Accounts extends StormParts {
  readonly events: (id: string) => Promise<readonly SessionEvent[]>;
  readonly canary: string;
}
const restMs = 120_000;
const maxFiles = 150;

/** Checks I1 to I11 after the storm, once everything is idle. Returns each violation as a sentence. */
export async function accountsOf(parts: Accounts): Promise<string[]> {
  const { clients, server, canary } = parts;
  const { ledger } = clients;
  const problems = [...parts.problems];
  // Repeats deletions whose answer was lost, because a delete is idempotent.
  for (const id of ledger.condemned) if (!ledger.deleted.has(id)) await clients.delete(id);

  for (const id of clients.sessions) {
    const status = await atRest(parts, id);
    if (status === 'running') problems.push(`I6: ${id} still runs ${restMs / 1_000} s after the storm`);
    problems.push(...(await logProblems(parts, id)).map((it) => `${id}: ${it}`));
  }
  problems.push(...(await orphans(parts)));
  const listed = await clients.api.ask('GET', '');
  const known = ((listed.body.data as { sessions: { session_id: string }[] } | null)?.sessions ?? []).map(
    (it) => it.session_id,
  );
  for (const id of ledger.deleted) if (known.includes(id)) problems.push(`F110: ${id} was deleted and is listed`);
  for (const id of clients.sessions) if (!known.includes(id)) problems.push(`I1: ${id} was made and is not listed`);
  if (server.output().includes(canary)) problems.push('I10: the server printed a secret');
  problems.push(...(await bounds(server.pid)));
  if (ledger.succeeded < ledger.failed) {
    problems.push(`I11: only ${ledger.succeeded} of ${ledger.succeeded + ledger.failed} requests succeeded`);
  }
  return problems;
}

/** Between two queued runs a session is briefly completed, so its log must show that no run is left. */
async function atRest({ clients, events }: Accounts, id: string): Promise<string> {
  for (const until = performance.now() + restMs; ; await sleep(250)) {
    const status = await clients.api.status(id).catch(() => 'no answer');
    const isBusy = status === 'running' || status === 'no answer' || hasOpenRun(await events(id));
    if (!isBusy || performance.now() > until) return status;
  }
}

function hasOpenRun(events: readonly SessionEvent[]): boolean {
  const open = new Set<string>();
  for (const { type, runId } of events) {
    if (runId === null) continue;
    if (type === 'run.end') open.delete(runId);
    else open.add(runId);
  }
  return open.size > 0;
}

async function logProblems(parts: Accounts, id: string): Promise<string[]> {
  const { clients, canary } = parts;
  const events = await parts.events(id);
  const problems = [...problemsOf(events), ...illegalities(events).filter((it) => !it.includes('leave was'))];
  const texts = events.flatMap((event) => (event.type === 'message.user' ? [event.data.text] : []));
  for (const text of clients.ledger.accepted.get(id) ?? []) {
    const found = texts.filter((it) => it === text).length;
    if (found !== 1) problems.push(`I1: "${text.split('\n')[0]}" was accepted and is ${found} times in the log`);
  }
  const seen = (clients.ledger.seen.get(id) ?? []).map((it) => Number(it.id));
  const wrong = seen.findIndex((seq, at) => at > 0 && seq < (seen[at - 1] ?? 0));
  if (wrong >= 0) problems.push(`I2: a follower saw ${seen.slice(Math.max(0, wrong - 2), wrong + 2)}`);
  if ((seen.at(-1) ?? 0) > (events.at(-1)?.seq ?? 0)) problems.push('I1: a follower saw an event that is not stored');
  for (const event of events) {
    if (event.type === 'run.end' && event.data.status === 'failed' && !event.data.code) {
      problems.push(`I9: a run failed (${event.seq}) without a code`);
    }
  }
  if (JSON.stringify(events).includes(canary)) problems.push('I10: a secret is in the log');
  const answer = await clients.api.ask('POST', `/${id}/file`, { file: 'ran' });
  const ran = ((answer.body.data as { content: string } | null)?.content ?? '').split('\n').filter(Boolean);
  problems.push(...ran.filter((line, at) => ran.indexOf(line) !== at).map((line) => `I4: ${line} ran twice`));
  return problems;
}

/** I5: each session has at most one sandbox, and nothing of a deleted session remains, within 30 s. */
async function orphans({ clients, world, server }: Accounts): Promise<string[]> {
  const look = async () => {
    const found = new Map<string, string>();
    for (const id of clients.ledger.deleted) {
      const remains = await world.remains(id, server);
      if (remains.length > 0) found.set(id, `I5: of ${id}, which is gone: ${remains}`);
    }
    for (const id of clients.sessions) {
      const running = await world.running(id);
      if (running.length > 1) found.set(id, `I5: ${id} has the sandboxes ${running}`);
    }
    return found;
  };
  let found = await look();
  for (let n = 0; n < 30 && found.size > 0; n++) {
    await sleep(1_000);
    found = await look();
  }
  return [...found.values()];
}

/** I8: the server closes the files and sockets that the storm opened within a minute. */
async function bounds(pid: number): Promise<string[]> {
  const files = async () => {
    const names = await readdir(`/proc/${pid}/fd`);
    return await Promise.all(names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => 'closed')));
  };
  let open = await files();
  for (let n = 0; n < 60 && open.length > maxFiles; n++) {
    await sleep(1_000);
    open = await files();
  }
  const kinds = [...Map.groupBy(open, (it) => it.replace(/[:/].*/, ''))].map(
    ([kind, those]) => `${kind} ${those.length}`,
  );
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const mebibytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  return [
    ...(open.length > maxFiles ? [`I8: the server has ${open.length} files open: ${kinds.join(', ')}`] : []),
    ...(mebibytes > maxMebibytes ? [`I8: the server has ${Math.round(mebibytes)} MiB`] : []),
  ];
}

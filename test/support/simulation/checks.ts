import type { SessionEvent } from '../../../src/core/model/events.ts';
import { type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { problemsOf } from '../hostile/checker.ts';
import type { Client } from './client.ts';
import { illegalities } from './legality.ts';
import { type Server, slowestCallMs } from './server.ts';
import type { World } from './world.ts';

/**
 * Once all faults ended, every run must end or wait for the user. Waiting runs get a message or a stop, and must end
 * too.
 */
export async function checkAtRest(world: World, client: Client, server: () => Server): Promise<void> {
  const { time, dice } = world;
  await time.pass(12_000); // the longest that retries and back-offs take
  await checkHealed(world, client);
  for (let round = 0; round < 3; round++) {
    await quiet(world, (record) => record.openRuns.length === 0 || record.status === 'waiting');
    const waiting = (await records(world)).filter((record) => record.openRuns.length > 0 && !record.deleting);
    if (waiting.length === 0) break;
    for (const record of waiting) {
      if (round === 0 && dice.chance(0.5)) client.send(record.id, dice.pick(['inject', 'queue', 'replace']), 'talk');
      else void client.stop(record.id);
    }
    await time.pass(10_000);
  }
  if (!(await quiet(world, (record) => record.openRuns.length === 0 && !record.deleting))) {
    for (const { id, status, openRuns, deleting } of await records(world)) {
      const input = { status, openRuns: openRuns.length, deleting, live: !!server().engine.liveSessions.get(id) };
      const left = JSON.stringify(input);
      world.problem(`I6: ${id} does not come to rest: ${left}`);
    }
  }
  // Time to remove sandboxes that no server claims. Two servers can both try to adopt a sandbox first.
  await time.pass(world.store.store.shared ? 180_000 : 60_000);
  for (const what of client.unanswered) world.problem(`F111: ${what} was never answered`);
  const alive = [...world.backend.boxes.values()].filter(
    ({ info }) => info.phase === 'ready' || info.phase === 'paused',
  );
  for (const { info } of alive)
    if (!server().engine.supervisor.hasSandbox(info.sessionId)) world.problem(`I5: nobody has sandbox ${info.id}`);
}

/** A session that broke must take commands again within 5 s, without help. */
async function checkHealed(world: World, client: Client): Promise<void> {
  const ids = (await records(world)).filter(({ deleting }) => !deleting).map(({ id }) => id);
  const renamed = ids.map((id) => client.rename(id));
  await world.time.pass(5_000);
  for (const [n, id] of ids.entries()) {
    const isOk = await Promise.race([renamed[n], false]);
    if (!isOk && !client.condemned.has(id))
      world.problem(`I6: ${id} refuses commands, though nothing is wrong any more`);
  }
}

/** Compares the logs with the answers to clients and with the records of the model and the sandboxes. */
export async function checkLogs(world: World, client: Client): Promise<void> {
  const all = await records(world);
  for (const record of all) {
    const events = await eventsOf(world, record.id);
    for (const problem of [...problemsOf(events), ...illegalities(events)])
      world.problem(`I3: ${record.id}: ${problem}`);
    if (record.lastSeq > events.length) world.problem(`${record.id}: the record is ahead of its log`);
    if (record.status !== 'completed' && record.status !== 'pending') world.problem(`${record.id} is ${record.status}`);
    for (const call of repeatedCalls(events)) world.problem(`F080: ${record.id} has two calls ${call}`);
    checkMessages(world, client, record.id, events);
    const title = client.titles.get(record.id);
    const titles = events.flatMap((event) => (event.type === 'title' ? [event.data.title] : []));
    if (title !== undefined && !titles.includes(title)) world.problem(`I1: ${record.id} lost its title ${title}`);
    for (const follower of client.followers.filter(({ id }) => id === record.id)) {
      if (follower.cursor !== events.length) {
        world.problem(`a follower of ${record.id} stands at ${follower.cursor} of ${events.length}`);
      }
    }
    for (const { callId, decision, by } of client.decided.filter(({ id }) => id === record.id)) {
      const kept = events.some(
        ({ type, data }) =>
          type === 'approval.resolved' && JSON.stringify(data) === JSON.stringify({ callId, decision, by }),
      );
      if (!kept) world.problem(`F113: ${decision} of ${callId} in ${record.id} was accepted, and is not in the log`);
    }
    if (client.deleted.has(record.id)) world.problem(`F110: ${record.id} was deleted, and is there`);
  }
  for (const [id, sandbox] of world.sandboxes) {
    for (const [operation, times] of sandbox.executed)
      if (times > 1) world.problem(`I4: ${id} executed ${operation} ${times} times`);
  }
}

function repeatedCalls(events: readonly SessionEvent[]): string[] {
  const calls = events.flatMap((event) =>
    event.type === 'tool.calling' ? [`${event.runId}.${event.data.callId}`] : [],
  );
  return calls.filter((call, at) => calls.indexOf(call) !== at);
}

function checkMessages(world: World, client: Client, id: SessionId, events: readonly SessionEvent[]): void {
  const messages = events.filter((event) => event.type === 'message.user');
  const ends = new Map(
    events.flatMap((event) => (event.type === 'run.end' ? [[event.runId, event.data] as const] : [])),
  );
  for (const { text, answer } of client.lines.filter((spoken) => spoken.id === id)) {
    const found = messages.filter((event) => event.data.text === text);
    if (found.length > 1) world.problem(`F111: "${text}" is in the log ${found.length} times`);
    if (!answer) continue;
    if ('code' in answer) {
      // Two codes do not tell the outcome: the session crashed, or its server waited for another server's answer.
      if (found.length > 0 && answer.code !== 'internal' && answer.code !== 'deadline_exceeded')
        world.problem(`"${text}" was refused (${answer.code}) and is in the log`);
      continue;
    }
    const { messageId, runId, seq } = answer;
    const event = found[0];
    if (!event || event.seq !== seq || event.runId !== runId || event.data.messageId !== messageId) {
      world.problem(
        `I1: "${text}" was accepted as ${JSON.stringify(answer)}, and the log has ${JSON.stringify(event)}`,
      );
      continue;
    }
    const end = ends.get(runId);
    if (end?.status !== 'completed') continue;
    const first = messages.find((it) => it.runId === runId)?.data.text;
    if (!wasRead(world, text, first)) world.problem(`F111: "${text}" was never read by its run, which completed`);
  }
}

/** Whether the model saw the text in a turn of the run that begins with the message `first`. */
const wasRead = ({ model }: World, text: string, first: string | undefined): boolean =>
  model.received.some((words) => words[0] === first && words.includes(text));

/** After all clients have left, only files remain: no sandbox runs, no session is in memory, and no timer is set. */
export async function checkGone(world: World, client: Client, server: () => Server): Promise<void> {
  const { time, backend, store } = world;
  for (const follower of client.followers) follower.end();
  await time.pass(100_000);
  const kept = await records(world);
  for (const { info } of backend.boxes.values()) {
    if (info.phase !== 'stopped' && info.phase !== 'exited')
      world.problem(`I5: sandbox ${info.id} is still ${info.phase}`);
    if (!kept.some(({ id }) => id === info.sessionId)) world.problem(`I5: sandbox ${info.id} has no session`);
  }
  for (const id of client.deleted) {
    const { head } = await store.store.events.page(id, 0, 1);
    const transcript = await store.store.records.list('transcript', { idPrefix: id });
    if (head + transcript.length > 0) world.problem(`F110: something of ${id} is still stored`);
    if (backend.boxes.has(sandboxIdOf(id))) world.problem(`F110: the sandbox of ${id} is still there`);
  }
  for (const { id } of kept) if (server().engine.liveSessions.get(id)) world.problem(`I8: ${id} is still in memory`);
  if (!(await time.until(() => time.pending() <= 1, 1_000)))
    // one more timer can belong to a sweep in progress
    world.problem(`I8: ${time.pending()} timers are set where only the reconciler's should be`);
  let isClosed = false;
  void server()
    .close()
    .then(() => (isClosed = true));
  if (!(await time.until(() => isClosed, 10_000))) world.problem('F007: an idle server does not close');
  // A call to the store that is in progress takes its time.
  if (!(await time.until(() => time.pending() === 0, slowestCallMs)))
    world.problem(`I8: ${time.pending()} timers outlive the server`);
}

async function quiet(world: World, isQuiet: (record: StoredSession) => boolean): Promise<boolean> {
  for (let n = 0; n < 60; n++) {
    await world.time.pass(5_000);
    if ((await records(world)).every(isQuiet)) return true;
  }
  return false;
}

async function records({ store }: World): Promise<StoredSession[]> {
  return (await store.store.records.list('session')).map(({ doc }) => StoredSession.parse(doc));
}

async function eventsOf({ store }: World, id: SessionId): Promise<SessionEvent[]> {
  return (await store.store.events.page(id, 0, Number.MAX_SAFE_INTEGER)).events;
}

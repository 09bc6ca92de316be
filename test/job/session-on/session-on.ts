import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { type CorralClient, createCorralClient } from '../../../src/client/index.ts';
import { fence } from '../../support/clients/api.ts';
import { follow } from '../../support/clients/followed.ts';
import { rfbClient } from '../../support/clients/rfb-client.ts';
import { serverProcess } from '../../support/servers/server-process.ts';

export interface DriverUnderTest {
  readonly driver: 'docker' | 'kubernetes';
  /** Skips the test on a machine that cannot run it; otherwise returns further settings for the server. */
  ready(context: TestContext): Promise<Record<string, string>>;
  /** Everything that the driver still has of the session. */
  remains(sessionId: string): Promise<readonly string[]>;
}

/** One complete session through the API, the same on every driver. A single setting selects the driver. */
export function sessionOn({ driver, ready, remains }: DriverUnderTest): void {
  const rows = [{ screen: '' }, { screen: ' a screen,' }] as const;
  const session = async ({ screen }: (typeof rows)[number], context: TestContext) => {
    const settings = await ready(context);
    const desktop = { CORRAL_SANDBOX_DESKTOP: String(screen !== '') };
    const server = await serverProcess({ ...settings, ...desktop, CORRAL_DRIVER: driver });
    using corral = createCorralClient({ url: server.url, transport: 'ws' });
    const { id } = await corral.sessions.create.mutate();
    onTestFinished(async () => {
      await corral.sessions.delete.mutate({ id }).catch(() => {}); // cleans up after a failure
      await server[Symbol.asyncDispose]();
    });

    using seen = follow(corral, id);
    const task = `Work\n${fence('sh', 'echo made here > made.txt; echo answer $((40 + 2)) of $(id -u)')}`;
    await corral.runs.send.mutate({ sessionId: id, text: task });
    const events = await seen.toEnd();
    expect(events.at(-1), JSON.stringify(events)).toMatchObject({ data: { status: 'completed' } });
    expect(events.find(({ type }) => type === 'tool.called')).toMatchObject({
      data: { success: true, output: expect.stringMatching(/^answer 42 of [1-9]\d{4,}\n$/) }, // never root, nor another's
    });

    const shell = (command: string) => corral.sandbox.exec.mutate({ sessionId: id, command });
    expect(await shell('cat made.txt; echo no >&2; exit 7')).toEqual({
      exitCode: 7,
      stdout: 'made here\n',
      stderr: 'no\n',
      timedOut: false,
      truncated: false,
      wholeIn: {},
    });

    await corral.files.write.mutate({ sessionId: id, path: 'deep/uploaded.txt', content: 'ÄÖÜ' });
    expect((await shell('cat deep/uploaded.txt')).stdout).toBe('ÄÖÜ');
    expect(await corral.files.read.query({ sessionId: id, path: 'made.txt' })).toMatchObject({
      content: 'made here\n',
    });

    using viewer = screen === '' ? undefined : await watched(corral, server.url, id);

    await corral.runs.send.mutate({ sessionId: id, text: fence('sh', 'echo begun; sleep 600') });
    await expect.poll(() => seen.events.findLast(({ type }) => type === 'tool.output')).toBeDefined();
    await expect.poll(async () => (await shell('pgrep -fc "slee[p] 600" || true')).stdout).not.toBe('0\n');
    expect(await corral.runs.stop.mutate({ sessionId: id })).toEqual({ stopped: true });
    await expect.poll(() => seen.events.filter(({ type }) => type === 'run.end').length).toBe(2);
    expect(seen.events.findLast(({ type }) => type === 'run.end')).toMatchObject({ data: { status: 'stopped' } });
    expect((await shell('pgrep -fc "slee[p] 600" || true')).stdout).toBe('0\n');

    expect(await remains(id)).not.toEqual([]);
    await corral.sessions.delete.mutate({ id });
    if (viewer) expect((await viewer.closed).code).toBe(4410);
    expect(await remains(id)).toEqual([]);
  };
  const name = `a task, a shell, files,$screen a stop and an end: on ${driver}`;
  test.for(rows.slice(0, 1))(name, session);
  test.for(rows.slice(1))(name, { tags: ['all'] }, session);
}

/** A viewer of the session's screen that has taken control. */
async function watched(corral: CorralClient, url: string, id: string) {
  const viewer = await rfbClient(`${url.replace('http', 'ws')}/api/v1/sessions/${id}/vnc?viewer=the-viewer`);
  expect(viewer.size).toEqual({ width: 1280, height: 800 });
  await expect.poll(() => viewer.pixel(640, 780), { interval: 200 }).toBe(0xff_ff_ff); // the browser's empty page
  viewer.click(640, 780);
  await expect.poll(async () => (await corral.desktop.status.query({ sessionId: id })).controller).toBe('the-viewer');
  return viewer;
}

import { expect, onTestFinished, type TestContext, test } from 'vitest';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { needs } from '../../support/servers/components.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import type { World } from '../../support/worlds.ts';

// The examples from the facade's own description, in the order of a session, and common commands. Nothing is set up
// first: the server has its defaults, and the packages come through its proxy.

const sessionId = 'workspace-uuid';

async function workspaceOn(context: TestContext, { driver, ready }: World) {
  const own = await ready(context);
  await needs(context, 'registries');
  const server = await serverProcess({ CORRAL_DRIVER: driver, ...own, CORRAL_WORKSPACE_GRACE_SECONDS: '0' });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const socket = await openWebSocket(`${server.url.replace('http', 'ws')}/ws?user_id=123`);
  onTestFinished(() => socket[Symbol.dispose]());
  let sent = 0;
  const ask = async (frame: Record<string, unknown>) => {
    const requestId = `r${++sent}`;
    socket.ws.send(JSON.stringify({ ...frame, sessionId, requestId }));
    const reply = () => socket.frames.find((one) => one.requestId === requestId);
    await expect.poll(reply, { interval: 50 }).toBeDefined();
    return reply() as Record<string, unknown>;
  };
  const shell = (command: string) => ask({ type: 'terminal_command', command });
  const code = (text: string, filename: string) => ask({ type: 'execute_code', code: text, filename });
  onTestFinished(async () => {
    const { data } = (await (await fetch(`${server.url}/api/v1/sessions`)).json()) as {
      data: { sessions: { session_id: string }[] };
    };
    for (const { session_id } of data.sessions)
      await fetch(`${server.url}/api/v1/sessions/${session_id}`, { method: 'DELETE' });
  });
  return { shell, code, ask };
}

export const packagesIn = (world: World) =>
  test(`packages install with the usual commands, and their programs work: on ${world.driver}`, async (context) => {
    const { shell, code, ask } = await workspaceOn(context, world);
    const expected = { success: true, output: 'Hello from Python\n', error: null };
    expect(await code('print("Hello from Python")', 'main.py')).toMatchObject(expected);
    const installed = await shell('pip install numpy');
    // The process driver may use the machine's own numpy.
    expect(installed.output).toMatch(/Successfully installed numpy|already satisfied: numpy/);
    expect(installed).toMatchObject({ exit_code: 0, output: expect.not.stringContaining('externally-managed') });
    expect(await code('import numpy as np\nprint(np.array([1,2,3]))', 'script.py')).toMatchObject({
      success: true,
      output: '[1 2 3]\n',
      error: null,
    });
    expect(await shell('ls -la')).toMatchObject({ output: expect.stringMatching(/^total \d+\nd[\s\S]* main\.py\n/) });
    const saved = await ask({ type: 'save_file', filename: 'main.py', content: "print('Updated content')" });
    expect(saved).toMatchObject({ success: true, message: 'File saved successfully', filename: 'main.py' });

    const here = 'npm install -g semver && semver 1.2.3 && python -m pip install tabulate && echo a b | tabulate';
    expect(await shell(here)).toMatchObject({
      exit_code: 0,
      output: expect.stringMatching(/\n1\.2\.3\n[\s\S]*a +b\n/),
    });
    const places = await shell('npm install -g semver --silent && command -v semver tabulate && npm prefix -g');
    // The home folder can be anywhere.
    expect(places.output).toMatch(/^(\/\S+)\/\.local\/bin\/semver\n\1\/\.local\/bin\/tabulate\n/m);
    const venv =
      'python3 -m venv v && . v/bin/activate && pip install six && python -c "import six; print(six.__file__)"';
    expect(await shell(venv)).toMatchObject({
      exit_code: 0,
      output: expect.stringMatching(/\/workspace\/v\/lib\/python3[^\n]*six\.py\n$/),
    });
    const reached = 'ls "$(dirname "$(readlink -f "$(command -v semver)")")"; touch /usr/x 2>&1; true';
    expect((await shell(reached)).output).toMatch(/Read-only file system|Permission denied/);
    // The packages also work in shells that are not login shells, such as the agent's.
    const bare =
      'import subprocess as s; print(s.run("semver 2.0.0", shell=True, capture_output=True, text=True).stdout)';
    expect(await code(bare, 'bare.py')).toMatchObject({ success: true, output: '2.0.0\n\n' });
  });

import type { Readable } from 'node:stream';
import { raceAbort } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, sandboxLossCodes, toAppError } from '../../core/errors/errors.ts';
import { memoryFolder, memoryMountPath } from '../../core/model/run-files.ts';
import type { SessionAgent } from '../../core/model/session-agent.ts';
import { digestJson } from '../../core/text/digest.ts';
import { quoteForShell } from '../../core/text/quote.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { WorkspaceHook } from '../engine/workspace-hooks.ts';
import type { LiveSession } from '../run/live-session.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'closing' | 'warn'> {
  readonly openUpload: (id: string) => Promise<Readable>;
}
interface FolderLink {
  readonly from: string;
  readonly to: string;
  readonly folders: readonly string[];
}
const installMs = 10 * 60_000;
const shortMs = 30_000;
const keptChars = 1_500;

const commands: Readonly<Record<string, string>> = {
  apt: 'sudo -n apt-get update -qq && sudo -n apt-get install -y -qq --no-install-recommends',
  cargo: 'cargo install --quiet',
  gem: 'gem install --no-document --user-install',
  go: 'go install',
  npm: 'npm install --global --no-audit --no-fund --loglevel error',
  pip: 'python3 -m pip install --no-input --disable-pip-version-check --quiet',
};
/** Each use of a sandbox waits for its setup. Failures are only logged or reported as events. */
export class SessionSetup extends ServerComponent<Deps> implements WorkspaceHook {
  readonly #done = new WeakMap<object, { readonly print: string; readonly work: Promise<void> }>();

  async beforeUse(live: LiveSession, client: SandboxClient, signal: AbortSignal): Promise<void> {
    const { agent } = live.writer.record;
    if (!agent) return;
    const print = digestJson([agent.packages ?? {}, agent.files ?? [], agent.memoryStores ?? []]);
    const known = this.#done.get(client);
    if (known?.print === print) return await raceAbort(known.work, signal);
    const work = this.#prepare(live, client, agent).catch((err: unknown) => {
      this.#done.delete(client);
      if (!sandboxLossCodes.has(toAppError(err).code))
        this.deps.warn({ session: live.id, err }, 'a sandbox was not prepared');
    });
    this.#done.set(client, { print, work });
    await raceAbort(work, signal);
  }

  async #prepare(live: LiveSession, client: SandboxClient, agent: SessionAgent): Promise<void> {
    await this.#link(live, client, { from: '/mnt/session', to: '.session', folders: ['uploads', 'outputs'] });
    if (agent.memoryStores?.length)
      await this.#link(live, client, { from: memoryMountPath, to: memoryFolder, folders: [] });
    for (const file of agent.files ?? []) await this.#place(live, client, file);
    await this.#install(live, client, agent.packages ?? {});
  }

  async #link(live: LiveSession, client: SandboxClient, { from, to, folders }: FolderLink): Promise<void> {
    const created = [to, ...folders.map((folder) => `${to}/${folder}`)].join(' ');
    const command = `mkdir -p ${created} && { [ -e ${from} ] || ln -s ${quoteForShell(`${client.workdir}/${to}`)} ${from}; }`;
    const { exitCode, stderr } = await client.exec(
      { command, cwd: client.workdir, timeoutMs: shortMs },
      this.deps.closing,
    );
    if (exitCode !== 0)
      await this.#tell(live, `${from} is not in this sandbox: ${stderr.trim()}. Its files are in ${to}.`);
  }

  /** Keeps an existing file, because it comes from a restored sandbox. */
  async #place(
    live: LiveSession,
    client: SandboxClient,
    { upload, path }: { readonly upload: string; readonly path: string },
  ): Promise<void> {
    const { closing, openUpload } = this.deps;
    const place = `.session/uploads/${path}`;
    const at = (command: string) => client.exec({ command, cwd: client.workdir, timeoutMs: shortMs }, closing);
    if ((await at(`test -e ${quoteForShell(place)}`)).exitCode === 0) return;
    try {
      const content = await openUpload(upload);
      if (await client.transfers.areSupported(closing)) await client.transfers.write(place, content, {}, closing);
      else await client.writeFile(place, Buffer.concat(await content.toArray()), closing);
      await at(`chmod a-w ${quoteForShell(place)}`); // makes the client's files read-only for the agent
    } catch (thrown) {
      const error = toAppError(thrown);
      if (sandboxLossCodes.has(error.code)) throw error;
      await this.#tell(live, `The file ${path} could not be placed: ${error.publicMessage}`);
    }
  }

  async #install(live: LiveSession, client: SandboxClient, packages: NonNullable<SessionAgent['packages']>) {
    const mark = '"$HOME/.local/corral-session-packages"';
    const requested = Object.entries(packages);
    if (requested.length === 0) return;
    const { closing } = this.deps;
    const all = digestJson(requested);
    const { stdout } = await client.exec({ command: `cat ${mark} 2>/dev/null`, timeoutMs: shortMs }, closing);
    if (stdout.trim() === all) return;
    for (const [manager, names] of requested) {
      const install = commands[manager];
      if (install === undefined) throw new AppError('internal', `Packages cannot be installed with ${manager}.`);
      const command = `${install} ${names.map(quoteForShell).join(' ')}`;
      const {
        exitCode,
        stderr,
        stdout: text,
        timedOut,
      } = await client.exec({ command, timeoutMs: installMs }, closing);
      if (exitCode === 0) continue;
      const why = timedOut ? `it took longer than ${installMs / 60_000} min` : stderr.trim() || text.trim();
      await this.#tell(live, `${manager} could not install ${names.join(', ')}: ${why.slice(-keptChars)}`);
    }
    await client.exec(
      { command: `mkdir -p "$HOME/.local" && printf %s ${all} > ${mark}`, timeoutMs: shortMs },
      closing,
    );
  }

  async #tell({ writer }: LiveSession, detail: string): Promise<void> {
    await writer.write([{ type: 'sandbox.setup', runId: null, data: { kind: 'failed', detail } }]);
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import type { Bait } from './escapes.ts';

/** A step as programs send it. */
export interface SentStep {
  readonly type: string;
  readonly args: readonly string[];
  readonly filesHash?: string;
}
export interface Answer {
  readonly status: number;
  readonly text: string;
}
export interface EndedBuild {
  readonly status: 'ready' | 'error';
  readonly reason: string;
  readonly lines: readonly string[];
}
export interface BegunBuild {
  readonly template: string;
  readonly build: string;
}
export interface AttackedBuilds {
  readonly url: string;
  readonly host: Bait;
  readonly instance: string;
  readonly ann: BuildCaller;
  readonly bob: BuildCaller;
  readonly containers: () => Promise<readonly string[]>;
}
const patienceMs = 300_000;

/** A person with a key, who builds templates by the routes of programs. */
export class BuildCaller {
  readonly #url: string;
  readonly #key: string;

  constructor(url: string, key: string) {
    this.#url = url;
    this.#key = key;
  }

  async ask(method: string, path: string, body?: object | Buffer): Promise<Answer> {
    const isBytes = Buffer.isBuffer(body);
    const response = await fetch(this.#url + path, {
      method,
      headers: {
        authorization: `Bearer ${this.#key}`,
        ...(body && { 'content-type': isBytes ? 'application/octet-stream' : 'application/json' }),
      },
      ...(body && { body: isBytes ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  async begin(name: string): Promise<BegunBuild> {
    const { status, text } = await this.ask('POST', '/e2b/v3/templates', { name });
    if (status !== 202) throw new Error(`No build began: ${status} ${text}`);
    const { templateID, buildID } = JSON.parse(text) as { templateID: string; buildID: string };
    return { template: templateID, build: buildID };
  }

  upload({ template }: BegunBuild, hash: string, archive: Buffer): Promise<Answer> {
    return this.ask('PUT', `/e2b/templates/${template}/files/${hash}`, archive);
  }

  start({ template, build }: BegunBuild, steps: readonly SentStep[], base: object = { fromImage: 'corral/sandbox' }) {
    return this.ask('POST', `/e2b/v2/templates/${template}/builds/${build}`, { ...base, steps });
  }

  async ended({ template, build }: BegunBuild): Promise<EndedBuild> {
    const lines: string[] = [];
    const until = performance.now() + patienceMs;
    while (performance.now() < until) {
      const path = `/e2b/templates/${template}/builds/${build}/status?logsOffset=${lines.length}`;
      const { status: code, text } = await this.ask('GET', path);
      if (code !== 200) throw new Error(`The build cannot be read: ${code} ${text}`);
      const { status, logs, reason } = JSON.parse(text) as {
        status: string;
        logs: string[];
        reason?: { message: string };
      };
      lines.push(...logs);
      const isOver = status === 'ready' || status === 'error';
      if (isOver && logs.length === 0) return { status, reason: reason?.message ?? '', lines };
      if (!isOver) await pause(200);
    }
    throw new Error('The build does not end.');
  }

  /** Builds the steps with the archives that they copy from. */
  async build(
    name: string,
    steps: readonly SentStep[],
    { files = {}, base }: { readonly files?: Readonly<Record<string, Buffer>>; readonly base?: object } = {},
  ): Promise<EndedBuild & BegunBuild> {
    const begun = await this.begin(name);
    for (const [hash, archive] of Object.entries(files)) {
      const { status, text } = await this.upload(begun, hash, archive);
      if (status !== 200) throw new Error(`The files were not taken: ${status} ${text}`);
    }
    const { status, text } = await this.start(begun, steps, base);
    if (status !== 202) throw new Error(`The build did not start: ${status} ${text}`);
    return { ...begun, ...(await this.ended(begun)) };
  }
}

export const run = (command: string, user?: string): SentStep => ({
  type: 'RUN',
  args: user === undefined ? [command] : [command, user],
});
export const copy = (from: string, to: string, filesHash: string): SentStep => ({
  type: 'COPY',
  args: [from, to, 'root', ''],
  filesHash,
});

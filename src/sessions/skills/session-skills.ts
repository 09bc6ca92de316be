import { Readable } from 'node:stream';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import { type ResourceOwnership, toHolderKey } from '../../core/model/access/holder.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { skillFolder } from '../../core/model/run-files.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { Skill, SkillVersion } from '../api/server/skills.ts';
import type { OfferedSkill } from '../run/skills/skill-set.ts';
import { runProgram } from '../services/streams/piped-command.ts';
import { parseSkillPin } from './records.ts';
import { createTar } from './skill-files.ts';
import type { SkillContentService } from './skills.ts';

interface Deps {
  readonly skills: SkillContentService;
  readonly readPins: (session: SessionRecord) => Promise<readonly string[]>;
  readonly newId: () => string;
}
/** Workers of self-hosted environments put skills into this folder, relative to their own. */
const workerFolder = 'skills';

interface SessionSkill {
  readonly skill: Skill;
  readonly version: SkillVersion;
}

export class SessionSkillResolver extends ServerComponent<Deps> {
  readonly #installed = new WeakMap<SandboxClient, Map<string, string>>();

  /** Rejects: not_found. */
  async of(session: SessionRecord): Promise<readonly OfferedSkill[]> {
    const { skills } = this.deps;
    return (await this.#resolved(session)).map(({ skill: { id }, version }) => ({
      name: version.name,
      description: version.description,
      argumentHint: version.argumentHint,
      version: version.id,
      folder: `${session.agent?.environment === undefined ? skillFolder : workerFolder}/${version.name}`,
      read: (file) => skills.read(id, version.id, file),
    }));
  }

  async beforeUse(session: SessionRecord, client: SandboxClient, signal: AbortSignal): Promise<void> {
    const requested = await this.#resolved(session).catch(() => []); // the run reports missing skills
    const installed = this.#installed.get(client) ?? new Map<string, string>();
    this.#installed.set(client, installed);
    for (const { version } of requested) {
      if (installed.get(version.name) === version.id) continue;
      await this.#install(version, client, signal);
      installed.set(version.name, version.id);
    }
  }

  /** Rejects: not_found for a skill that sessions of this holder cannot use. */
  async check(pins: readonly string[], holder: ResourceOwnership): Promise<void> {
    for (const pin of pins) await this.#find(pin, holder);
  }

  async #resolved(session: SessionRecord): Promise<readonly SessionSkill[]> {
    const pins = await this.deps.readPins(session);
    const found = new Map<string, SessionSkill>();
    for (const pin of pins) found.set(parseSkillPin(pin).name, await this.#find(pin, 'shared'));
    for (const pin of session.skills ?? []) found.set(parseSkillPin(pin).name, await this.#find(pin, session));
    for (const pin of session.agent?.skills ?? []) {
      const one = await this.#pinned(pin, session);
      found.set(one.version.name, one);
    }
    return [...found.values()];
  }

  async #pinned(
    { skill: id, version }: { readonly skill: string; readonly version: string },
    { projectId }: ResourceOwnership,
  ): Promise<SessionSkill> {
    const { skills } = this.deps;
    try {
      const skill = await skills.get(id);
      if (skill.projectId && skill.projectId !== projectId)
        throw new AppError('not_found', 'The skill is in a different project than the session.');
      return { skill, version: await skills.version(id, version) };
    } catch (cause) {
      if (toAppError(cause).code !== 'not_found') throw cause;
      const text = `The skill ${id} of this session or its version ${version} was deleted. Start a session without it.`;
      throw new AppError('not_found', text, { cause });
    }
  }

  async #find(pin: string, whose: 'shared' | ResourceOwnership): Promise<SessionSkill> {
    const { skills } = this.deps;
    const { name, version } = parseSkillPin(pin);
    const all = (await skills.list()).filter((one) => one.name === name);
    const heldBy = (holder: ResourceOwnership) =>
      all.find((one) => !one.shared && toHolderKey(one) === toHolderKey(holder));
    const own = whose === 'shared' ? undefined : (heldBy(whose) ?? heldBy({ owner: whose.owner }));
    const skill = own ?? all.find(({ shared }) => shared);
    if (!skill) throw new AppError('not_found', `There is no skill ${name} for this session. Upload it, or share it.`);
    const target = version === null ? 'latest' : String(version);
    const found = await skills.version(skill.id, target).catch((cause: unknown) => {
      throw new AppError('not_found', `The skill ${name} has no version ${target}.`, { cause });
    });
    return { skill, version: found };
  }

  async #install(version: SkillVersion, client: SandboxClient, signal: AbortSignal): Promise<void> {
    const { skills, newId } = this.deps;
    const contents = await skills.contents(version);
    const files = version.files.map((file, at) => ({ ...file, bytes: contents[at] ?? Buffer.alloc(0) }));
    const argv = ['sh', '-c', installScript, 'sh', `${client.workdir}/${skillFolder}`, version.name];
    try {
      const input = Readable.from([createTar(files, version.name)]);
      await runProgram(client, { id: `skill-${newId()}`, argv, input, failure: notInstalled }, signal);
    } catch (thrown) {
      if (toAppError(thrown).code !== 'unsupported') throw thrown;
      // An in-memory sandbox runs no programs and has no file permissions.
      for (const { path, bytes } of files)
        await client.writeFile(`${skillFolder}/${version.name}/${path}`, bytes, signal);
    }
  }
}

const notInstalled = (printed: string) => `A skill could not be put into the sandbox: ${printed}`;

/** $1: folder of all skills; $2: this skill's name. The files become read-only. */
const installScript = `
mkdir -p -- "$1" || exit 1
cd -- "$1" || exit 1
[ ! -e "$2" ] || { chmod -R u+w -- "$2" && rm -rf -- "$2"; } || exit 1
tar -xf - || exit 1
chmod -R a-w -- "$2"
`;

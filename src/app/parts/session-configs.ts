import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Packages } from '../../core/model/packages.ts';
import { type SandboxOptions, SessionRecord } from '../../core/model/records.ts';
import type { StartCommand } from '../../core/model/sandboxes/built-template.ts';
import { type EgressRestriction, isEgressClosed } from '../../core/model/sandboxes/egress-choice.ts';
import type { ServiceRecipes } from '../../core/model/services/recipe.ts';
import type { Template } from '../../core/model/template.ts';
import { codeImage, isBundledImage } from '../images/image.ts';
import type { Config } from '../settings/config.ts';

type SandboxSections = Pick<Config, 'sandbox' | 'egress'>;
export type SandboxSettingsSource = Pick<SessionRecord, 'template' | 'templateBy' | 'projectId' | 'sandbox'>;
export interface SandboxSettings {
  readonly config: Config;
  /**
   * The template's name if the template changes the sandbox or its egress, else `default`. The suffix `.own` marks a
   * session's own choices.
   */
  readonly recipe: string;
  readonly packages: Packages;
  readonly template: string;
  readonly services: ServiceRecipes;
  readonly within?: EgressRestriction;
  readonly start?: StartCommand;
}
interface MadeSettings {
  readonly server: SandboxSettings;
  readonly byTemplate: ReadonlyMap<string, SandboxSettings>;
}
const kept = 10_000;
/** Maximum delay before a server notices that another server changed the allowed hosts. */
const freshMs = 1_000;
interface RememberedChoice {
  readonly choice: SandboxSettingsSource;
  readonly readAt: number;
}
const choiceOf = ({ template, templateBy, projectId, sandbox }: SandboxSettingsSource): SandboxSettingsSource => ({
  template,
  templateBy,
  projectId,
  sandbox,
});

const egressKeyOf = ({ sandbox }: SandboxSettingsSource): string => JSON.stringify(sandbox?.egress ?? null);

interface Deps {
  /** Returns the same object until the settings change. */
  readonly configOf: () => Config;
  readonly templates: readonly Template[];
  readonly records: Pick<RecordStore, 'get'>;
  readonly now: () => number;
  /** Returns a live session's record, which is newer than any stored record. */
  readonly held?: (id: SessionId) => SandboxSettingsSource | undefined;
}

export class SandboxSettingsResolver extends ServerComponent<Deps> {
  readonly #known = new Map<SessionId, RememberedChoice>();
  #made: MadeSettings | undefined;

  get server(): SandboxSettings {
    return this.#settings().server;
  }

  #settings(): MadeSettings {
    const config = this.deps.configOf();
    if (this.#made?.server.config !== config) {
      const server = { config, recipe: 'default', packages: {}, template: 'default', services: {} };
      const byTemplate = new Map(
        this.deps.templates.map((template) => [template.name, withTemplate(config, template)]),
      );
      this.#made = { server, byTemplate };
    }
    return this.#made;
  }

  /** A deleted template may have been stricter than the server, so its sessions get the egress policy `none`. */
  ofRecord(session: SandboxSettingsSource): SandboxSettings {
    const own = this.#ofTemplate(session);
    return session.sandbox ? withChoice(own, session.sandbox) : own;
  }

  #ofTemplate({ template, templateBy, projectId }: SandboxSettingsSource): SandboxSettings {
    if (templateBy === undefined && projectId === null) return this.server;
    const own = this.#settings().byTemplate.get(template);
    if (own) return own;
    const { config } = this.server;
    return { ...this.server, config: { ...config, egress: { ...config.egress, policy: 'none' } } };
  }

  /** Call this before the sandbox starts, so the session's egress policy is known even if the store cannot be read. */
  remember(id: SessionId, choice: SandboxSettingsSource): void {
    const [oldest] = this.#known.keys();
    if (this.#known.size >= kept && oldest !== undefined) this.#known.delete(oldest);
    this.#known.set(id, { choice: choiceOf(choice), readAt: this.deps.now() });
  }

  /** Replaces a remembered choice if the egress differs. Returns false if no choice was remembered. */
  hasOtherEgress(id: SessionId, session: SandboxSettingsSource): boolean {
    const before = this.#known.get(id)?.choice;
    if (!before || egressKeyOf(before) === egressKeyOf(session)) return false;
    this.remember(id, session);
    return true;
  }

  async of(id: SessionId): Promise<SandboxSettings> {
    const known = this.#known.get(id);
    const held = this.deps.held?.(id);
    if (held) {
      if (!known) this.remember(id, held);
      return this.ofRecord(held);
    }
    if (known && this.deps.now() - known.readAt < freshMs) return this.ofRecord(known.choice);
    const found = await this.deps.records.get('session', id).catch((thrown: unknown) => {
      if (known) return undefined;
      throw thrown;
    });
    if (!found) return this.ofRecord(known?.choice ?? deletedSession);
    const choice = SessionRecord.parse(found.doc);
    this.remember(id, choice);
    return this.ofRecord(choice);
  }
}

function withChoice(
  own: SandboxSettings,
  { egress, cpus, memory, image, start, services = own.services }: SandboxOptions,
): SandboxSettings {
  const { sandbox, egress: rules } = own.config;
  const size = {
    ...(cpus !== undefined && { cpus: Math.min(cpus, readMaxSandboxSize(sandbox).cpus) }),
    ...(memory !== undefined && { memory: Math.min(memory, readMaxSandboxSize(sandbox).memory) }),
    ...(image !== undefined && { image }),
  };
  const closed = isEgressClosed(egress) ? { policy: 'none' as const, allow: [] } : {};
  const config = { ...own.config, sandbox: { ...sandbox, ...size }, egress: { ...rules, ...closed } };
  const isUsual = egress === undefined && Object.keys(size).length === 0;
  if (isUsual) return { ...own, services };
  // Template names contain no dot, so none ends with `.own`.
  const chosen = { ...(egress && { within: egress }), ...(start && { start }) };
  return { ...own, config, services, recipe: `${own.recipe}.own`, ...chosen };
}

export const readMaxSandboxSize = ({ cpus, memory, maxCpus, maxMemory }: Config['sandbox']) => ({
  cpus: maxCpus ?? cpus,
  memory: maxMemory ?? memory,
});

/** Stands in for a deleted session. The empty name matches no template. */
const deletedSession: SandboxSettingsSource = { template: '', templateBy: 'session', projectId: null };

function withTemplate(config: Config, { name, sandbox, egress, packages, services = {} }: Template): SandboxSettings {
  const own: { [Part in keyof SandboxSections]: Partial<SandboxSections[Part]> } = {
    sandbox: set(sandbox),
    egress: set(egress),
  };
  // An operator's own image takes precedence over the code image.
  if (own.sandbox.image === codeImage && !isBundledImage(config.sandbox.image)) delete own.sandbox.image;
  // The server enforces the idle timeout, so it does not affect the recipe.
  const { idleSeconds: _, ...shape } = own.sandbox;
  const isUsual = Object.keys(shape).length + Object.keys(own.egress).length === 0;
  return {
    packages,
    services,
    template: name,
    config: { ...config, sandbox: { ...config.sandbox, ...own.sandbox }, egress: { ...config.egress, ...own.egress } },
    recipe: isUsual ? 'default' : name,
  };
}

const set = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Record<string, never>;

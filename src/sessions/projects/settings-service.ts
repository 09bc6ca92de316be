import { z } from 'zod';
import { runAtIntervals } from '../../core/concurrency/rounds.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { serverSettingKind as kind } from '../../core/model/records.ts';
import { changeRecord } from '../../storage/collection.ts';
import type { ServerSetting, SettingsService } from '../api/server/settings.ts';

const id = 'changed';
const followMs = 2_000;
const Stored = z.record(z.string(), z.unknown());
type SettingOverrides = Readonly<Record<string, unknown>>;

export class SettingsStore extends ServerComponent<Pick<ServerDependencies, 'records' | 'clock'>> {
  #version = 0;
  #now: SettingOverrides = {};

  /** The object is replaced whenever its content changes. */
  get now(): SettingOverrides {
    return this.#now;
  }

  async read(): Promise<SettingOverrides> {
    const found = await this.deps.records.get(kind, id);
    this.#take(found?.version ?? 0, found?.doc ?? {});
    return this.#now;
  }

  async change(work: (now: SettingOverrides) => SettingOverrides): Promise<void> {
    const changed = await changeRecord(this.deps.records, { kind, id }, (found) => ({
      doc: work(Stored.parse(found?.doc ?? {})),
    }));
    if (changed) this.#take(changed.version, changed.doc);
  }

  async follow(signal: AbortSignal): Promise<void> {
    // if the store fails, the last values remain in effect
    await runAtIntervals(() => this.read(), { everyMs: followMs, clock: this.deps.clock }, signal);
  }

  /** A read that started before a change must not undo that change. */
  #take(version: number, doc: unknown): void {
    if (version <= this.#version) return;
    this.#version = version;
    this.#now = Stored.parse(doc);
  }
}

export interface SettingDefinition
  extends Pick<ServerSetting, 'key' | 'section' | 'about' | 'accepts' | 'variable' | 'form' | 'fallback' | 'setBy'> {
  readonly takes: (value: unknown) => boolean;
  readonly value: () => unknown;
}
interface Deps {
  readonly settings: readonly SettingDefinition[];
  readonly stored: Pick<SettingsStore, 'read' | 'change'>;
  /** Throws for an otherwise valid value that names an unknown tool or template. */
  readonly check: (key: string, value: unknown) => void;
}
const maxBytes = 100_000;

export function createSettingsService({ settings, stored, check }: Deps): SettingsService {
  function settingOf(key: string): SettingDefinition {
    const found = settings.find((one) => one.key === key);
    if (found) return found;
    const known = settings.map((one) => one.key).join(', ');
    throw new AppError('not_found', `${key} cannot be changed here. Settings that can be changed: ${known}.`);
  }
  function viewOf(
    { takes, value, ...setting }: SettingDefinition,
    changes: Readonly<Record<string, unknown>>,
  ): ServerSetting {
    const held = Object.hasOwn(changes, setting.key) && takes(changes[setting.key]) ? changes[setting.key] : null;
    const from = setting.setBy !== null ? 'settings' : held !== null ? 'page' : 'default';
    return { ...setting, value: value(), from, stored: held } as ServerSetting;
  }
  return {
    async list() {
      const changes = await stored.read();
      return settings.map((setting) => viewOf(setting, changes));
    },
    async change(key, value) {
      const setting = settingOf(key);
      if (setting.setBy !== null) {
        const text = `${setting.setBy} is set and overrides values entered here. Remove it and restart the server first.`;
        throw new AppError('invalid_request', text);
      }
      if (value === null || JSON.stringify(value).length > maxBytes || !setting.takes(value)) {
        throw new AppError('invalid_request', `Expected ${setting.accepts}.`);
      }
      check(key, value);
      await stored.change((now) => ({ ...now, [key]: value }));
      return viewOf(setting, await stored.read());
    },
    async reset(key) {
      const setting = settingOf(key);
      await stored.change((now) => Object.fromEntries(Object.entries(now).filter(([name]) => name !== key)));
      return viewOf(setting, await stored.read());
    },
  };
}

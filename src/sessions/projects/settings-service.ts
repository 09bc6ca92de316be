import { AppError } from '../../core/errors/errors.ts';
import type { ServerSetting, SettingsService } from '../api/server/settings.ts';
import type { StoredSettings } from './stored-settings.ts';

export interface KnownSetting
  extends Pick<ServerSetting, 'key' | 'section' | 'about' | 'accepts' | 'variable' | 'form' | 'fallback' | 'setBy'> {
  /** Whether the setting accepts this value, in the form used in the settings file. */
  readonly takes: (value: unknown) => boolean;
  readonly value: () => unknown;
}
interface Deps {
  readonly settings: readonly KnownSetting[];
  readonly stored: Pick<StoredSettings, 'read' | 'change'>;
  /** Throws for a valid value that names an unknown tool or template. */
  readonly check: (key: string, value: unknown) => void;
}
const maxBytes = 100_000;

export function createSettingsService({ settings, stored, check }: Deps): SettingsService {
  function settingOf(key: string): KnownSetting {
    const found = settings.find((one) => one.key === key);
    if (found) return found;
    const known = settings.map((one) => one.key).join(', ');
    throw new AppError('not_found', `${key} cannot be changed here. Settings that can be changed: ${known}.`);
  }
  function viewOf(
    { takes, value, ...setting }: KnownSetting,
    changes: Readonly<Record<string, unknown>>,
  ): ServerSetting {
    const held = Object.hasOwn(changes, setting.key) && takes(changes[setting.key]) ? changes[setting.key] : null;
    const from = setting.setBy !== null ? 'settings' : held !== null ? 'page' : 'default';
    // Stored values and defaults are JSON according to their schemas.
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
        const text = `${setting.setBy} is set, and precedes what is entered here. Remove it and restart the server first.`;
        throw new AppError('invalid_request', text);
      }
      if (value === null || JSON.stringify(value).length > maxBytes || !setting.takes(value)) {
        throw new AppError('invalid_request', `${key} accepts ${setting.accepts}.`);
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

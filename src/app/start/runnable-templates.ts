import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError, type ErrorCode, toAppError } from '../../core/errors/errors.ts';
import type { DesktopAvailability } from '../../sessions/api/desktop.ts';
import type { TemplateInfo, TemplateUnavailability } from '../../sessions/api/server/templates.ts';
import type { SandboxSettingsSource } from '../parts/session-configs.ts';

interface Trouble extends TemplateUnavailability {
  readonly code: ErrorCode;
}
interface Deps {
  readonly driver: string;
  readonly desktopFor: (session: SandboxSettingsSource) => DesktopAvailability;
  readonly missingImageOf: (session: SandboxSettingsSource) => string | undefined;
  readonly checkServices: (session: SandboxSettingsSource) => void;
  /** The variables set by the server's own credentials and by the 1,000 newest credentials of any holder. */
  readonly secretVariables: () => Promise<ReadonlySet<string>>;
}

export class TemplateAvailabilityChecker extends ServerComponent<Deps> {
  check(session: SandboxSettingsSource): void {
    const trouble = this.#imageTrouble(session) ?? this.#servicesTrouble(session);
    if (trouble) throw errorOf(trouble);
  }

  checkNamed(template: TemplateInfo, session: SandboxSettingsSource): void {
    const trouble =
      this.#desktopTrouble(template, session) ?? this.#imageTrouble(session) ?? this.#servicesTrouble(session);
    if (trouble) throw errorOf(trouble);
  }

  /** Unlike `checkNamed`, also reports a missing key, although a client can still bind one to its session. */
  async whyNot(template: TemplateInfo): Promise<TemplateUnavailability | undefined> {
    const session = { template: template.name, templateBy: 'session', projectId: null } as const;
    const trouble =
      this.#desktopTrouble(template, session) ?? this.#imageTrouble(session) ?? this.#servicesTrouble(session);
    return trouble ? { reason: trouble.reason, remedy: trouble.remedy } : await this.#keyTrouble(template);
  }

  async #keyTrouble({ label, agent: { keys = [] } }: TemplateInfo): Promise<TemplateUnavailability | undefined> {
    if (keys.length === 0) return undefined;
    const held = await this.deps.secretVariables();
    if (keys.some((name) => held.has(name))) return undefined;
    const names = keys.join(' / ');
    return {
      reason: `${label} needs a key, but no secret sets ${names}.`,
      remedy: 'Add a secret with that variable in Settings > Secrets.',
    };
  }

  #imageTrouble(session: SandboxSettingsSource): Trouble | undefined {
    const image = this.deps.missingImageOf(session);
    if (image === undefined) return undefined;
    return {
      code: 'image_missing',
      reason: `The template ${session.template} needs the image ${image}, but the driver ${this.deps.driver} runs this machine's own programs.`,
      remedy:
        'Set CORRAL_DRIVER=docker, or choose a template without sandbox.image whose programs are on this machine.',
    };
  }

  #servicesTrouble(session: SandboxSettingsSource): Trouble | undefined {
    try {
      this.deps.checkServices(session);
      return undefined;
    } catch (thrown) {
      const { code, publicMessage: reason } = toAppError(thrown);
      return { code, reason, remedy: `The template ${session.template} requires them; choose another one.` };
    }
  }

  #desktopTrouble({ name, tools }: TemplateInfo, session: SandboxSettingsSource): Trouble | undefined {
    if ((tools.computer ?? 'off') === 'off') return undefined;
    const { state, detail, seconds = 0 } = this.deps.desktopFor(session);
    const what = `The template ${name} uses a desktop`;
    if (state === 'ready') return undefined;
    if (state === 'building') {
      const step = detail === undefined ? '' : ` (${detail}, for ${seconds} s)`;
      const reason = `${what}, whose image is being built${step}.`;
      return { code: 'sandbox_unavailable', reason, remedy: 'Try again when the image is ready.' };
    }
    if (state === 'failed') {
      const reason = `${what}, whose image could not be built: ${detail ?? ''}`;
      return { code: 'sandbox_unavailable', reason, remedy: 'The server will try again.' };
    }
    const remedy = 'Set CORRAL_SANDBOX_DESKTOP=true, or choose another template.';
    return { code: 'invalid_request', reason: `${what}, but sandboxes on this server have none.`, remedy };
  }
}

const errorOf = ({ code, reason, remedy }: Trouble): AppError => new AppError(code, `${reason} ${remedy}`);

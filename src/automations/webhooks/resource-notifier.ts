import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { ResourceOwnership } from '../../core/model/access/holder.ts';
import type { Automation, AutomationService } from '../../sessions/api/server/automations.ts';
import type { DocumentService, StoredDocument } from '../../sessions/api/server/documents.ts';
import type { MemoryStore, MemoryStoreService } from '../../sessions/api/server/memory-stores.ts';
import type { CredentialVault, VaultCredential, VaultService } from '../../sessions/api/server/vaults.ts';
import type { AutomationChangeEvent, ResourceChange, WebhookOutbox } from './outbox.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'warn'> {
  readonly outbox: Pick<WebhookOutbox, 'addChange' | 'addAutomationChange' | 'isOpen'>;
}
type Resource = Pick<ResourceChange, 'resource' | 'id' | 'name' | 'owner' | 'projectId' | 'vaultId'>;

/** Best effort: a crash can lose messages. */
export class ResourceNotifier extends ServerComponent<Deps> {
  documents(own: DocumentService): DocumentService {
    const read = (id: string) => own.get(id);
    return {
      ...own,
      create: this.#making(own.create, (created) => this.#tell(ofDocument(created), 'created')),
      update: this.#changing(read, own.update, async (before, after) => {
        if (after.version > before.version) await this.#tell(ofDocument(after), 'updated');
        if (isEnded(before, after)) await this.#tell(ofDocument(after), 'archived');
      }),
      delete: this.#changing(read, own.delete, (before) => this.#tell(ofDocument(before), 'deleted')),
    };
  }

  memoryStores(own: MemoryStoreService): MemoryStoreService {
    const read = (id: string) => own.get(id);
    return {
      ...own,
      create: this.#making(own.create, (created) => this.#tell(ofStore(created), 'created')),
      archive: this.#changing(read, own.archive, async (before, after) => {
        if (isEnded(before, after)) await this.#tell(ofStore(after), 'archived');
      }),
      delete: this.#changing(read, own.delete, (before) => this.#tell(ofStore(before), 'deleted')),
    };
  }

  /** Credentials are archived or deleted with their vault, so their changes are reported too. */
  vaults(own: VaultService): VaultService {
    const whole = async (id: string) => ({ vault: await own.get(id), credentials: await own.credentials(id) });
    const one = (id: string, credential: string) => own.credential(id, credential);
    return {
      ...own,
      create: this.#making(own.create, (created) => this.#tell(ofVault(created), 'created')),
      archive: this.#changing(whole, own.archive, async ({ vault, credentials }, after) => {
        if (!isEnded(vault, after)) return;
        await this.#tell(ofVault(after), 'archived');
        for (const credential of credentials)
          if (credential.archivedAt === null) await this.#tell(ofCredential(credential, after), 'archived');
      }),
      delete: this.#changing(whole, own.delete, async ({ vault, credentials }) => {
        for (const credential of credentials) await this.#tell(ofCredential(credential, vault), 'deleted');
        await this.#tell(ofVault(vault), 'deleted');
      }),
      addCredential: this.#making(own.addCredential, (created) => this.#tellCredential(own, created, 'created')),
      archiveCredential: this.#changing(one, own.archiveCredential, async (before, after) => {
        if (isEnded(before, after)) await this.#tellCredential(own, after, 'archived');
      }),
      deleteCredential: this.#changing(one, own.deleteCredential, (before) =>
        this.#tellCredential(own, before, 'deleted'),
      ),
    };
  }

  /** Does not report pauses: the automation records do, because the server also pauses automations itself. */
  automations(own: AutomationService): AutomationService {
    const read = (id: string) => own.get(id);
    return {
      ...own,
      create: this.#making(own.create, (created) => this.#tellAutomation(created, 'created')),
      update: this.#changing(read, own.update, async (before, after) => {
        const isEnd = before.program?.archivedAt === null && after.program?.archivedAt !== null;
        await this.#tellAutomation(after, isEnd ? 'archived' : 'updated');
      }),
      resume: this.#changing(read, own.resume, async (before, after) => {
        if (before.paused) await this.#tellAutomation(after, 'resumed');
      }),
      delete: this.#changing(read, own.delete, (before) => this.#tellAutomation(before, 'deleted')),
    };
  }

  #making<Args extends unknown[], Made>(make: (...args: Args) => Promise<Made>, tell: (made: Made) => Promise<void>) {
    return async (...args: Args): Promise<Made> => {
      const made = await make(...args);
      await tell(made);
      return made;
    };
  }
  /** `read` runs before the change, because the report needs the earlier state. */
  #changing<Args extends [id: string, ...unknown[]], Before, After>(
    read: (id: string, second: never) => Promise<Before>,
    change: (...args: Args) => Promise<After>,
    tell: (before: Before, after: After) => Promise<void>,
  ) {
    return async (...args: Args): Promise<After> => {
      const before = await this.#before(() => read(args[0], args[1] as never));
      const after = await change(...args);
      if (before) await tell(before, after);
      return after;
    };
  }

  async refreshFailed(credential: VaultCredential, vault: ResourceOwnership): Promise<void> {
    await this.#tell(ofCredential(credential, vault), 'refresh_failed');
  }

  async #before<State>(read: () => Promise<State>): Promise<State | undefined> {
    return this.deps.outbox.isOpen ? await read() : undefined;
  }

  async #tellCredential(
    vaults: VaultService,
    credential: VaultCredential,
    change: ResourceChange['change'],
  ): Promise<void> {
    const vault = await this.#before(() => vaults.get(credential.vaultId));
    if (vault) await this.#tell(ofCredential(credential, vault), change);
  }

  async #tell(resource: Resource | undefined, change: ResourceChange['change']): Promise<void> {
    if (!resource) return;
    const { outbox, clock } = this.deps;
    await this.#stored(resource.id, outbox.addChange({ ...resource, change, at: clock.now() }));
  }
  async #tellAutomation(
    { id, name, program, ...automation }: Automation,
    change: AutomationChangeEvent['change'],
  ): Promise<void> {
    const { outbox, clock } = this.deps;
    const about = {
      automationId: id,
      name,
      isProgram: program !== undefined,
      ...holderOf(automation),
      projectId: automation.projectId,
    };
    await this.#stored(id, outbox.addAutomationChange({ ...about, change, at: clock.now() }));
  }
  /** A failure to report a change must not fail the call that stored it. */
  async #stored(id: string, added: Promise<void>): Promise<void> {
    await added.catch((err: unknown) => this.deps.warn({ err, id }, 'webhooks were not notified of a change'));
  }
}

const isEnded = (before: { archivedAt: number | null }, after: { archivedAt: number | null }): boolean =>
  before.archivedAt === null && after.archivedAt !== null;

const holderOf = ({ owner, projectId }: ResourceOwnership): ResourceOwnership => ({
  ...(owner !== undefined && { owner }),
  ...(projectId && { projectId }),
});
function ofDocument({ kind, id, content, ...doc }: StoredDocument): Resource | undefined {
  if (kind === 'file') return undefined;
  return { resource: kind, id, name: typeof content.name === 'string' ? content.name : '', ...holderOf(doc) };
}
const ofStore = ({ id, name, ...store }: MemoryStore): Resource => ({
  resource: 'memory_store',
  id,
  name,
  ...holderOf(store),
});
const ofVault = ({ id, displayName, ...vault }: CredentialVault): Resource => ({
  resource: 'vault',
  id,
  name: displayName,
  ...holderOf(vault),
});
const ofCredential = ({ id, displayName, vaultId }: VaultCredential, vault: ResourceOwnership): Resource => ({
  resource: 'vault_credential',
  id,
  name: displayName ?? '',
  vaultId,
  ...holderOf(vault),
});

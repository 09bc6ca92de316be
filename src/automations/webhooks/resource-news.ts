import type { Clock } from '../../core/contracts/clock.ts';
import type { Automation, AutomationService } from '../../sessions/api/server/automations.ts';
import type { DocumentService, KeptDocument } from '../../sessions/api/server/documents.ts';
import type { MemoryStore, MemoryStoreService } from '../../sessions/api/server/memory-stores.ts';
import type { CredentialVault, VaultCredential, VaultService } from '../../sessions/api/server/vaults.ts';
import type { AutomationChange, Outbox, ResourceChange } from './outbox.ts';

interface Deps {
  readonly outbox: Pick<Outbox, 'addChange' | 'addAutomationChange' | 'isOpen'>;
  readonly clock: Clock;
  readonly warn: (about: object, text: string) => void;
}
type Resource = Pick<ResourceChange, 'resource' | 'id' | 'name' | 'owner' | 'vaultId'>;

/**
 * Notifies endpoints of what programs do with their agents, environments, vaults and memory stores, and of all changes
 * of automations. A change is sent after it is stored: if the server dies in between, it is not sent.
 */
export class ResourceNews {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  documents(own: DocumentService): DocumentService {
    return {
      ...own,
      create: async (newDocument) => {
        const keptDocument = await own.create(newDocument);
        await this.#tell(ofDocument(keptDocument), 'created');
        return keptDocument;
      },
      update: async (id, change) => {
        const before = await this.#before(() => own.get(id));
        const after = await own.update(id, change);
        if (before && after.version > before.version) await this.#tell(ofDocument(after), 'updated');
        if (before && isEnded(before, after)) await this.#tell(ofDocument(after), 'archived');
        return after;
      },
      delete: async (id) => {
        const before = await this.#before(() => own.get(id));
        await own.delete(id);
        if (before) await this.#tell(ofDocument(before), 'deleted');
      },
    };
  }

  memoryStores(own: MemoryStoreService): MemoryStoreService {
    return {
      ...own,
      create: async (requested) => {
        const memoryStore = await own.create(requested);
        await this.#tell(ofStore(memoryStore), 'created');
        return memoryStore;
      },
      archive: async (id) => {
        const before = await this.#before(() => own.get(id));
        const after = await own.archive(id);
        if (before && isEnded(before, after)) await this.#tell(ofStore(after), 'archived');
        return after;
      },
      delete: async (id) => {
        const before = await this.#before(() => own.get(id));
        await own.delete(id);
        if (before) await this.#tell(ofStore(before), 'deleted');
      },
    };
  }

  /** The end of a vault also ends its credentials. */
  vaults(own: VaultService): VaultService {
    const whole = (id: string) =>
      this.#before(async () => ({ vault: await own.get(id), credentials: await own.credentials(id) }));
    return {
      ...own,
      create: async (requested) => {
        const credentialVault = await own.create(requested);
        await this.#tell(ofVault(credentialVault), 'created');
        return credentialVault;
      },
      archive: async (id) => {
        const before = await whole(id);
        const after = await own.archive(id);
        if (!before || !isEnded(before.vault, after)) return after;
        await this.#tell(ofVault(after), 'archived');
        for (const one of before.credentials)
          if (one.archivedAt === null) await this.#tell(ofCredential(one, after), 'archived');
        return after;
      },
      delete: async (id) => {
        const before = await whole(id);
        await own.delete(id);
        if (!before) return;
        for (const one of before.credentials) await this.#tell(ofCredential(one, before.vault), 'deleted');
        await this.#tell(ofVault(before.vault), 'deleted');
      },
      addCredential: async (id, newCredential) => {
        const vaultCredential = await own.addCredential(id, newCredential);
        await this.#tellOf(own, vaultCredential, 'created');
        return vaultCredential;
      },
      archiveCredential: async (id, credentialId) => {
        const before = await this.#before(() => own.credential(id, credentialId));
        const after = await own.archiveCredential(id, credentialId);
        if (before && isEnded(before, after)) await this.#tellOf(own, after, 'archived');
        return after;
      },
      deleteCredential: async (id, credentialId) => {
        const before = await this.#before(() => own.credential(id, credentialId));
        await own.deleteCredential(id, credentialId);
        if (before) await this.#tellOf(own, before, 'deleted');
      },
    };
  }

  /** A pause is reported by the automations' records, because an automation also pauses itself. */
  automations(own: AutomationService): AutomationService {
    return {
      ...own,
      create: async (spec) => {
        const automation = await own.create(spec);
        await this.#tellAutomation(automation, 'created');
        return automation;
      },
      update: async (id, change) => {
        const before = await this.#before(() => own.get(id));
        const after = await own.update(id, change);
        const isEnd = before?.program?.archivedAt === null && after.program?.archivedAt !== null;
        await this.#tellAutomation(after, isEnd ? 'archived' : 'updated');
        return after;
      },
      resume: async (id) => {
        const before = await this.#before(() => own.get(id));
        const after = await own.resume(id);
        if (before?.paused) await this.#tellAutomation(after, 'resumed');
        return after;
      },
      delete: async (id) => {
        const before = await this.#before(() => own.get(id));
        await own.delete(id);
        if (before) await this.#tellAutomation(before, 'deleted');
      },
    };
  }

  /** A token endpoint returned no new token for a credential. */
  async refreshFailed(credential: VaultCredential, vault: Pick<CredentialVault, 'owner'>): Promise<void> {
    await this.#tell(ofCredential(credential, vault), 'refresh_failed');
  }

  /** The state before a change. Skipped without an endpoint. */
  async #before<State>(read: () => Promise<State>): Promise<State | undefined> {
    return this.#deps.outbox.isOpen ? await read() : undefined;
  }

  async #tellOf(vaults: VaultService, credential: VaultCredential, change: ResourceChange['change']): Promise<void> {
    const vault = await this.#before(() => vaults.get(credential.vaultId));
    if (vault) await this.#tell(ofCredential(credential, vault), change);
  }

  async #tell(resource: Resource | undefined, change: ResourceChange['change']): Promise<void> {
    if (!resource) return;
    const { outbox, clock } = this.#deps;
    await this.#stored(resource.id, outbox.addChange({ ...resource, change, at: clock.now() }));
  }
  async #tellAutomation(
    { id, name, projectId, program, ...automation }: Automation,
    change: AutomationChange['change'],
  ): Promise<void> {
    const { outbox, clock } = this.#deps;
    const about = { automationId: id, name, projectId, isProgram: program !== undefined, ...ownerOf(automation) };
    await this.#stored(id, outbox.addAutomationChange({ ...about, change, at: clock.now() }));
  }
  /** The change itself is stored: it does not fail because of this. */
  async #stored(id: string, added: Promise<void>): Promise<void> {
    await added.catch((err: unknown) => this.#deps.warn({ err, id }, 'webhooks were not notified of a change'));
  }
}

const isEnded = (before: { archivedAt: number | null }, after: { archivedAt: number | null }): boolean =>
  before.archivedAt === null && after.archivedAt !== null;

const ownerOf = ({ owner }: { readonly owner?: string | undefined }) => owner !== undefined && { owner };
function ofDocument({ kind, id, content, ...doc }: KeptDocument): Resource | undefined {
  if (kind === 'file') return undefined;
  return { resource: kind, id, name: typeof content.name === 'string' ? content.name : '', ...ownerOf(doc) };
}
const ofStore = ({ id, name, ...store }: MemoryStore): Resource => ({
  resource: 'memory_store',
  id,
  name,
  ...ownerOf(store),
});
const ofVault = ({ id, displayName, ...vault }: CredentialVault): Resource => ({
  resource: 'vault',
  id,
  name: displayName,
  ...ownerOf(vault),
});
const ofCredential = (
  { id, displayName, vaultId }: VaultCredential,
  vault: Pick<CredentialVault, 'owner'>,
): Resource => ({
  resource: 'vault_credential',
  id,
  name: displayName ?? '',
  vaultId,
  ...ownerOf(vault),
});

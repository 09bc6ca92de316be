import { z } from 'zod';
import { OAuthCredentials, PendingSignIn } from '../../agents/mcp/access.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { SealedValue, type SecretSealer } from '../../core/contracts/vault.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import { toolServerKind } from '../../core/model/records.ts';
import type { RemoteToolServer } from '../../core/model/tool-server.ts';
import { Secret } from '../../core/text/secret.ts';
import { changeRecord } from '../../storage/collection.ts';
import { createSealedRecordStore } from '../projects/sealed-records.ts';

const Sealed = z.object({
  headers: z.record(z.string(), z.string()).default({}),
  access: OAuthCredentials.optional(),
  begun: PendingSignIn.optional(),
});
/** Never returned to clients. */
export type ToolServerSecrets = z.output<typeof Sealed>;
const Stored = z.object({
  name: z.string(),
  url: z.string(),
  reach: z.enum(['public', 'private']),
  tools: z.array(z.string()),
  timeoutMs: z.number(),
  revision: z.string(),
  createdAt: z.number(),
  sealed: SealedValue,
});
export interface SavedToolServer extends Omit<z.output<typeof Stored>, 'sealed'> {
  readonly secrets: ToolServerSecrets;
}

interface Deps {
  readonly records: RecordStore;
  readonly vault: SecretSealer;
  /** Called with each secret before its first use, to mask it in logs. */
  readonly learn: (secret: Secret) => void;
  readonly token: (name: string, refused: Secret | undefined) => Promise<Secret>;
}
const kind = toolServerKind;
// Not a session id, so deleting a session never deletes this record.
const idOf = (name: string) => `mcp-${name}`;

export function createToolServerSecretStore(records: RecordStore, vault: SecretSealer) {
  const sealed = createSealedRecordStore({ records, vault, kind, field: 'secrets' });
  return { ...sealed, verify: () => sealed.verify('The secrets of the tool servers') };
}

export class ToolServerRecords extends ServerComponent<Deps> {
  readonly #sealing = createToolServerSecretStore(this.deps.records, this.deps.vault);
  #last: { readonly of: string; readonly servers: readonly RemoteToolServer[] } = { of: '', servers: [] };

  async list(): Promise<readonly SavedToolServer[]> {
    const all = (await this.deps.records.list(kind)).map(({ doc }) => this.#opened(doc));
    return all.sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  async find(name: string): Promise<SavedToolServer | undefined> {
    const found = await this.deps.records.get(kind, idOf(name));
    return found && this.#opened(found.doc);
  }

  /** Returns the same object until a tool server changes. */
  async inForce(): Promise<readonly RemoteToolServer[]> {
    const found = await this.deps.records.list(kind);
    const of = found.map(({ id, doc }) => `${id} ${Stored.parse(doc).revision}`).join('\n');
    if (of !== this.#last.of) {
      const all = found.map(({ doc }) => this.addressOf(this.#opened(doc)));
      this.#last = { of, servers: all.sort((one, other) => (one.name < other.name ? -1 : 1)) };
    }
    return this.#last.servers;
  }

  addressOf({ name, url, reach, tools, timeoutMs, revision, secrets }: SavedToolServer): RemoteToolServer {
    const headers = Object.fromEntries(Object.entries(secrets.headers).map(([key, value]) => [key, new Secret(value)]));
    const server = { name, url, reach, tools, timeoutMs, revision, headers };
    if (!secrets.access) return server;
    return { ...server, token: (refused) => this.deps.token(name, refused) };
  }

  async change(
    name: string,
    work: (now: SavedToolServer | undefined) => SavedToolServer | Promise<SavedToolServer>,
  ): Promise<SavedToolServer> {
    const changed = await changeRecord(this.deps.records, { kind, id: idOf(name) }, async (found) => {
      return this.#sealed(await work(found && this.#opened(found.doc)));
    });
    return this.#opened(changed?.doc);
  }

  /** Rejects: not_found, conflict (the name is taken, or the tool server was changed concurrently). */
  async rename(name: string, work: (now: SavedToolServer) => SavedToolServer): Promise<SavedToolServer> {
    const { records } = this.deps;
    const found = await records.get(kind, idOf(name));
    if (!found) throw unknownToolServerError(name);
    const next = work(this.#opened(found.doc));
    const id = idOf(next.name);
    const isStored = await records.put({ kind, id, ...this.#sealed(next), expect: 0 }).catch(ignoreConflict);
    if (isStored === undefined) throw toolServerConflictError(next.name);
    await records.delete(kind, idOf(name), found.version);
    if (!(await records.get(kind, idOf(name)))) return next;
    await records.delete(kind, id); // the original was changed in the meantime
    throw new AppError('conflict', `The tool server ${name} was changed by another request. Try again.`);
  }

  #sealed({ secrets, ...server }: SavedToolServer): { readonly doc: z.output<typeof Stored>; readonly sort: number } {
    this.#learn(secrets);
    const sealed = this.#sealing.seal(idOf(server.name), new Secret(JSON.stringify(secrets)));
    return { doc: { ...server, sealed }, sort: server.createdAt };
  }

  async remove(name: string): Promise<void> {
    const { records } = this.deps;
    if (!(await records.get(kind, idOf(name)))) throw unknownToolServerError(name);
    await records.delete(kind, idOf(name));
  }

  #opened(doc: unknown): SavedToolServer {
    const { sealed, ...rest } = Stored.parse(doc);
    const secrets = Sealed.parse(JSON.parse(this.#sealing.open(idOf(rest.name), sealed).reveal()));
    this.#learn(secrets);
    return { ...rest, secrets };
  }

  #learn({ headers, access }: ToolServerSecrets): void {
    const { learn } = this.deps;
    for (const value of Object.values(headers)) learn(new Secret(value));
    for (const token of [access?.accessToken, access?.refreshToken]) if (token) learn(new Secret(token));
  }
}

export const toolServerConflictError = (name: string) =>
  new AppError('conflict', `The tool server '${name}' already exists. Choose another name, or remove that one first.`);
export const unknownToolServerError = (name: string) =>
  new AppError('not_found', `No tool server '${name}' was entered on the page.`);

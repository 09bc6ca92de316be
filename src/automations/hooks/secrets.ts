import { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { SealedValue } from '../../core/contracts/vault.ts';
import { automationSecretKind as kind } from '../../core/model/records.ts';
import { Secret } from '../../core/text/secret.ts';
import { formatSigningSecret } from '../webhooks/signature.ts';

const Stored = z.object({ sealed: SealedValue, createdAt: z.number() });

interface Deps extends Pick<ServerDependencies, 'records'> {
  readonly seal: (id: string, secret: Secret) => SealedValue;
  readonly open: (id: string, sealed: SealedValue) => Secret;
  readonly token: () => string;
  readonly learn: (secret: Secret) => void;
}

/** One secret per automation: the key that signs its deliveries, or a secret set by its program. */
export class HookSecrets extends ServerComponent<Deps> {
  async find(automationId: string): Promise<Secret | undefined> {
    const { records, open, learn } = this.deps;
    const found = await records.get(kind, automationId);
    if (!found) return undefined;
    const secret = open(automationId, Stored.parse(found.doc).sealed);
    learn(secret);
    return secret;
  }
  async make(automationId: string, at: number): Promise<string> {
    const text = formatSigningSecret(Buffer.from(this.deps.token(), 'base64url'));
    await this.keep(automationId, new Secret(text), at);
    return text;
  }
  async keep(automationId: string, secret: Secret, at: number): Promise<void> {
    const { records, seal, learn } = this.deps;
    learn(secret);
    const doc = { sealed: seal(automationId, secret), createdAt: at };
    await records.put({ kind, id: automationId, doc, sort: at });
  }
  async delete(automationId: string): Promise<void> {
    await this.deps.records.delete(kind, automationId);
  }
}

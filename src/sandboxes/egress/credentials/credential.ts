import type { Secret } from '../../../core/text/secret.ts';
import { minMaskedChars } from '../../../core/text/secret-forms.ts';
import { matchesTarget, type PolicyEntry } from '../policy.ts';
import type { EgressTarget } from '../target.ts';

/** A secret that the proxy adds to requests. No sandbox sees it. */
export interface Credential {
  readonly name: string;
  readonly hosts: readonly PolicyEntry[];
  /** Request parts in which the value replaces the placeholder. Absent: the proxy sets `header` on every request. */
  readonly replaces?: { readonly header: boolean; readonly body: boolean };
  /** In lower case. Empty if `replaces` is set. */
  readonly header: string;
  readonly write: (value: string) => string;
  readonly value: () => Promise<Secret>;
  readonly placeholder: string;
  readonly isForGit?: boolean;
  readonly admits?: (method: string | undefined, url: string, target: EgressTarget) => boolean;
}

/** Returns none for plain HTTP, which third parties could read, and none for addresses. */
export const findCredentials = (all: readonly Credential[], target: EgressTarget): readonly Credential[] =>
  target.port === 80 || target.kind !== 'name'
    ? []
    : all.filter(({ hosts }) => hosts.some((one) => matchesTarget(one, target)));

/** Keeps the first credential for each header, in the order git, session, project, server. */
export function keepFirstPerHeader(values: readonly Credential[]): readonly Credential[] {
  const fixed = values.filter(({ replaces }) => !replaces);
  const all = [...fixed.filter(({ isForGit }) => isForGit), ...fixed.filter(({ isForGit }) => !isForGit)];
  return all.filter((one, at) => all.findIndex(({ header }) => header === one.header) === at);
}

export function listEncodedForms({ write, replaces }: Credential, text: string): Buffer[] {
  if (replaces && text.length < minMaskedChars) return []; // a short value could occur in any response by chance
  const sent = [text, write(text).replace(/^\w+ /, '')];
  const repeated = sent.flatMap((form) => [form, JSON.stringify(form).slice(1, -1), encodeURIComponent(form)]);
  return [...new Set(repeated)].flatMap((form) => {
    const bytes = Buffer.from(form);
    const asSent = Buffer.from(form, 'latin1'); // the form in which Node writes headers
    return bytes.equals(asSent) ? [bytes] : [bytes, asSent];
  });
}

export function findPlaceholder(
  head: { readonly url?: string | undefined; readonly rawHeaders: readonly string[] },
  all: readonly Credential[],
): Credential | undefined {
  if (all.length === 0) return undefined;
  const texts = [decoded(head.url ?? ''), ...head.rawHeaders.flatMap((value) => [value, unbased(value)])];
  return all.find(({ placeholder }) => texts.some((text) => text.includes(placeholder)));
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url);
  } catch {
    return url;
  }
}

const unbased = (value: string) => {
  const basic = /^basic\s+(\S+)$/i.exec(value)?.[1];
  return basic === undefined ? '' : Buffer.from(basic, 'base64').toString('latin1');
};

import { AppError } from '../../core/errors/errors.ts';
import { Secret } from '../../core/text/secret.ts';

// The fields that people enter for a tool server. Each function throws invalid_request, and says what to enter instead.

const nameForm = /^[a-z][a-z0-9]{0,23}$/;
const headerForm = /^[A-Za-z0-9-]{1,100}$/;
const valueForm = /^[\x20-\x7e]{1,8192}$/;
const maxHeaders = 20;
const maxUrl = 2_000;
/** Headers that the protocol and the connection need for themselves. */
const taken =
  /^(host|connection|content-length|content-type|transfer-encoding|upgrade|te|trailer|expect|accept|last-event-id|mcp-.*)$/i;

export function checkedName(name: string): string {
  if (nameForm.test(name)) return name;
  throw new AppError(
    'invalid_request',
    'A name must have 1 to 24 lowercase letters and digits, and begin with a letter.',
  );
}

export function checkedUrl(text: string): string {
  const url = URL.parse(text.trim());
  const isPlain = url?.username === '' && url.password === '' && url.hash === '';
  if (url && isPlain && /^https?:$/.test(url.protocol) && text.length <= maxUrl) return url.href;
  const target = 'The address must be like https://tools.example.com/mcp, without a user and a fragment.';
  throw new AppError('invalid_request', `${target} Set programs in corral.yaml, a template or a session.`);
}

export function checkedHeaders(input: Readonly<Record<string, Secret>>): Record<string, string> {
  const all = Object.entries(input);
  if (all.length > maxHeaders) throw new AppError('invalid_request', `At most ${maxHeaders} headers are allowed.`);
  const names = new Set<string>();
  for (const [name, value] of all) {
    if (!headerForm.test(name) || taken.test(name) || names.has(name.toLowerCase())) {
      throw new AppError('invalid_request', `'${name.slice(0, 100)}' cannot be sent as a header of a tool server.`);
    }
    names.add(name.toLowerCase());
    if (!valueForm.test(value.reveal())) {
      const text = `The value of ${name} must have 1 to 8,192 printable ASCII characters, because a header carries it.`;
      throw new AppError('invalid_request', text);
    }
  }
  return Object.fromEntries(all.map(([name, value]) => [name, value.reveal()]));
}

/** The stored headers with the changes. Stored ones go to no other address than the one they were entered with. */
export function changedHeaders(
  stored: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, Secret | null>>,
  { isSameAddress }: { readonly isSameAddress: boolean },
): Record<string, string> {
  const named = new Set(Object.keys(changes).map((name) => name.toLowerCase()));
  const kept = Object.entries(stored).filter(([name]) => !named.has(name.toLowerCase()));
  if (kept.length > 0 && !isSameAddress) {
    const names = kept.map(([name]) => name).join(', ');
    const text = `The address changes, and the stored value of ${names} goes to no other one. Enter it again, or remove it with null.`;
    throw new AppError('invalid_request', text);
  }
  const entered = Object.entries(changes).flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  return checkedHeaders(
    Object.fromEntries([...kept.map(([name, value]) => [name, new Secret(value)] as const), ...entered]),
  );
}

/** The page's own address, to which an authorization server sends the browser back. */
export function checkedReturn(text: string): string {
  const url = URL.parse(text);
  const isLocal = url !== null && /^(localhost|127[.]0[.]0[.]1|\[::1\])$/.test(url.hostname);
  const isFit = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal);
  const isPlain = url?.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (url && isFit && isPlain && text.length <= maxUrl) return url.href;
  const message =
    'People sign in from a page at https, or at localhost: open the page there, or enter a key as a header.';
  throw new AppError('invalid_request', message);
}

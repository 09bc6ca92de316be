import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { type InputOf, mutate } from '../../data/server.ts';
import { ChoiceField, SecretField, TextField } from '../../parts/kit/field.tsx';
import { InvalidFieldsError, SchemaForm } from '../../parts/kit/schema-form.tsx';
import { t } from '../../text/text.ts';

type ToolServer = Outputs['toolServers']['put'];
type Access = 'open' | 'token' | 'header';
const placeholders = {
  name: { placeholder: 'docs' },
  url: { placeholder: 'https://docs.example.com/mcp' },
  tools: { placeholder: 'search_*, read_page', isAdvanced: true },
  timeoutSeconds: { isAdvanced: true },
};

/** A person can test the tool server before adding it. An added tool server replaces one of the same name. */
export function ToolServerForm({ onSaved }: { readonly onSaved: (server: ToolServer) => Promise<unknown> }) {
  const [kind, setKind] = useState<Access>('open');
  const [header, setHeader] = useState('');
  const [secret, setSecret] = useState('');
  const [notice, setNotice] = useState('');
  const withAccess = <Input extends object>(input: Input) => {
    setNotice('');
    return { ...input, ...parseAccess(kind, header, secret) };
  };
  return (
    <SchemaForm
      of="toolServers.put"
      words="toolServers"
      title={t('toolServers.new')}
      save={t('toolServers.add')}
      note={notice || t(kind === 'open' ? 'toolServers.openTells' : 'secrets.once')}
      fields={placeholders}
      second={{
        label: t('toolServers.test'),
        send: async (input) => {
          const { ok, tools, message } = await mutate('toolServers.test', withAccess(input));
          setNotice(ok ? t('toolServers.works', { n: tools.length }) : message);
        },
      }}
      send={async (input) => {
        const saved = await mutate('toolServers.put', withAccess(input));
        for (const clear of [setHeader, setSecret]) clear('');
        setKind('open');
        await onSaved(saved);
      }}
    >
      {(errors) => (
        <>
          <ChoiceField
            label={t('toolServers.access')}
            value={kind}
            choices={(['open', 'token', 'header'] as const).map((one) => [one, t(`toolServers.access.${one}`)])}
            onChange={setKind}
          />
          {kind === 'header' && (
            <TextField
              label={t('secrets.header')}
              placeholder="x-api-key"
              value={header}
              error={errors.header ?? ''}
              onChange={setHeader}
            />
          )}
          {kind !== 'open' && (
            <SecretField
              label={t(kind === 'token' ? 'toolServers.token' : 'secrets.value')}
              value={secret}
              error={errors.secret ?? ''}
              onChange={setSecret}
            />
          )}
        </>
      )}
    </SchemaForm>
  );
}

/**
 * Headers for the selected kind of access. `open` sends none; if the address is unchanged, the server then keeps the stored key.
 * Throws InvalidFieldsError.
 */
function parseAccess(kind: Access, header: string, secret: string): { headers?: Record<string, string> } {
  if (kind === 'open') return {};
  const missing = {
    ...(kind === 'header' && header.trim() === '' && { header: t('form.required') }),
    ...(secret === '' && { secret: t('form.required') }),
  };
  if (Object.keys(missing).length > 0) throw new InvalidFieldsError(missing);
  return { headers: kind === 'token' ? { Authorization: `Bearer ${secret}` } : { [header.trim()]: secret } };
}

interface ChangeProps {
  readonly server: ToolServer;
  readonly cancel: () => void;
  readonly send: (changes: InputOf<'toolServers.change'>) => Promise<unknown>;
}

/** Stored header values are never shown. */
export function EditToolServerForm({ server, cancel, send }: ChangeProps) {
  const [header, setHeader] = useState(server.headers[0] ?? 'Authorization');
  const [secret, setSecret] = useState('');
  const { name, url, tools, timeoutSeconds } = placeholders;
  return (
    <SchemaForm
      of="toolServers.change"
      words="toolServers"
      title={t('toolServers.changeOne', { name: server.name })}
      note={t('toolServers.changeTells')}
      fields={{ newName: name, url, tools, timeoutSeconds }}
      value={{ ...server, newName: server.name, url: server.at }}
      cancel={cancel}
      send={({ newName, url: address, ...rest }) =>
        send({
          ...rest,
          name: server.name,
          ...(newName !== server.name && { newName }),
          ...(address !== server.at && { url: address }),
          ...(secret !== '' && { headers: { [header.trim()]: headerValue(header, secret) } }),
        })
      }
    >
      {() => (
        <>
          <TextField label={t('secrets.header')} value={header} onChange={setHeader} />
          <SecretField label={t('toolServers.newValue')} value={secret} onChange={setSecret} />
        </>
      )}
    </SchemaForm>
  );
}

/** A value of `Authorization` without a scheme is a bearer token. */
const headerValue = (header: string, secret: string): string =>
  header.trim().toLowerCase() === 'authorization' && !secret.includes(' ') ? `Bearer ${secret}` : secret;

import { useEffect, useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { type InputOf, mutate, query } from '../../data/server.ts';
import { formatDateTime } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { ChoiceField, SecretField, TextField } from '../../parts/kit/field.tsx';
import { ConfirmButton, ResourceList, useResourceList } from '../../parts/kit/resource-list.tsx';
import { SchemaForm } from '../../parts/kit/schema-form.tsx';
import { InvalidFieldsError } from '../../parts/kit/trouble.tsx';
import { t, translateServerText } from '../../text/text.ts';
import { beginToolServerSignIn, toolServerSignInResult } from './sign-in.ts';

type ToolServer = Outputs['toolServers']['put'];

export function ToolServersPage() {
  const [changing, setChanging] = useState('');
  const read = async () => (await query('toolServers.list', undefined)).servers;
  const servers = useResourceList(t('toolServers.unread'), read);
  const { act, reload } = servers;
  useEffect(() => {
    const { value: result } = toolServerSignInResult;
    if (result !== '') void act(t('toolServers.unread'), async () => {}, result);
  }, []);
  return (
    <ResourceList
      of={servers}
      about={t('toolServers.about')}
      none={t('toolServers.none')}
      toItem={(server) => ({
        key: `${server.from} ${server.name}`,
        title: server.name,
        code: server.at,
        lines: [listFacts(server).join(' · '), ...originOf(server), describeState(server)],
        action: <Actions server={server} act={act} change={() => setChanging(server.name)} />,
        more: (
          <>
            {server.state !== null && server.state.tools.length > 0 && (
              <details>
                <summary>{t('toolServers.tools.count', { n: server.state.tools.length })}</summary>
                <ul class="tool-server-tools scrolls">
                  {server.state.tools.map(({ name, title, description }) => (
                    <li key={name}>
                      <code>{name}</code> <span class="quiet">{title ?? description.slice(0, 120)}</span>
                    </li>
                  ))}
                </ul>
              </details>
            )}
            {server.from === 'page' && changing === server.name && (
              <EditToolServerForm
                server={server}
                cancel={() => setChanging('')}
                send={async (changes) => {
                  const { name } = await mutate('toolServers.change', changes);
                  setChanging('');
                  await reload(t('saved', { name }));
                }}
              />
            )}
          </>
        ),
      })}
    >
      <ToolServerForm
        onSaved={({ name, state }) =>
          reload(
            state?.ok === true
              ? t('toolServers.added', { name, n: state.tools.length })
              : t('toolServers.addedSilent', { name }),
          )
        }
      />
      <p class="quiet">{t('toolServers.effect')}</p>
      <p class="quiet">{t('toolServers.programs')}</p>
    </ResourceList>
  );
}

interface ActionsProps {
  readonly server: ToolServer;
  readonly act: ReturnType<typeof useResourceList<ToolServer>>['act'];
  readonly change: () => void;
}

function Actions({ server: { name, kind, from, signIn }, act, change }: ActionsProps) {
  const test = () =>
    act(
      t('toolServers.notTested'),
      () => mutate('toolServers.test', { name }),
      ({ ok }) => t(ok ? 'toolServers.answers' : 'toolServers.fails', { name }),
    );
  const remove = () =>
    act(t('toolServers.notRemoved'), () => mutate('toolServers.remove', { name }), t('removed', { name }));
  const signOut = () =>
    act(
      t('toolServers.notSignedOut'),
      () => mutate('toolServers.signOut', { name }),
      t('toolServers.signedOut', { name }),
    );
  const enter = () => act(t('toolServers.notSignedIn'), () => beginToolServerSignIn(name));
  return (
    <span class="row sure wrap">
      {kind === 'address' && (
        <Button
          class="small"
          label={t('toolServers.test')}
          aria-label={t('toolServers.testOne', { name })}
          onClick={() => void test()}
        />
      )}
      {signIn === 'wanted' && (
        <Button class="small" kind="primary" label={t('toolServers.signIn')} onClick={() => void enter()} />
      )}
      {signIn === 'done' && <Button class="small" label={t('toolServers.signOut')} onClick={() => void signOut()} />}
      {from === 'page' && (
        <>
          <Button
            class="small"
            label={t('toolServers.change')}
            aria-label={t('toolServers.changeOne', { name })}
            onClick={change}
          />
          <ConfirmButton
            label={t('models.remove')}
            name={t('toolServers.removeOne', { name })}
            ask={t('toolServers.removeAsk')}
            act={remove}
          />
        </>
      )}
    </span>
  );
}

const listFacts = ({ kind, headers, tools, timeoutSeconds, signIn }: ToolServer): string[] => [
  ...(kind === 'program' ? [t('toolServers.program')] : []),
  ...(headers.length > 0 ? [t('toolServers.headers', { names: headers.join(', ') })] : []),
  ...(signIn === 'done' ? [t('toolServers.isSignedIn')] : []),
  ...(tools.join() === '*' ? [] : [t('toolServers.only', { names: tools.join(', ') })]),
  t('toolServers.seconds', { n: timeoutSeconds }),
];

const originOf = ({ from, setBy, templates }: ToolServer): string[] => [
  ...(setBy === null ? [] : [t(from === 'page' ? 'toolServers.outranked' : 'toolServers.setBy', { by: setBy })]),
  ...(templates.length > 0 ? [t('toolServers.templates', { names: templates.join(', ') })] : []),
];

function describeState({ kind, state, signIn }: ToolServer): string {
  if (state === null) return t(kind === 'program' ? 'toolServers.inSandbox' : 'toolServers.unasked');
  const at = formatDateTime(state.at);
  if (state.ok) return t('toolServers.answered', { at });
  const why = t('toolServers.failed', { at, why: translateServerText(state.message) });
  return signIn === 'wanted' ? `${why} ${t('toolServers.wantsAccess')}` : why;
}

type Access = 'open' | 'token' | 'header';
const accessFields = ['header', 'secret'];
const placeholders = {
  name: { placeholder: 'docs' },
  url: { placeholder: 'https://docs.example.com/mcp' },
  tools: { placeholder: 'search_*, read_page', isAdvanced: true },
  timeoutSeconds: { isAdvanced: true },
};

function ToolServerForm({ onSaved }: { readonly onSaved: (server: ToolServer) => Promise<unknown> }) {
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
      others={accessFields}
      second={{
        label: t('toolServers.test'),
        send: async (input) => {
          const { ok, tools, message } = await mutate('toolServers.test', withAccess(input));
          setNotice(ok ? t('toolServers.works', { n: tools.length }) : translateServerText(message));
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

/** Without headers, the server keeps the stored key if the address is unchanged. Throws InvalidFieldsError. */
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

function EditToolServerForm({ server, cancel, send }: ChangeProps) {
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
      others={accessFields}
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
      {(errors) => (
        <>
          <TextField label={t('secrets.header')} value={header} error={errors.header ?? ''} onChange={setHeader} />
          <SecretField
            label={t('toolServers.newValue')}
            value={secret}
            error={errors.secret ?? ''}
            onChange={setSecret}
          />
        </>
      )}
    </SchemaForm>
  );
}

/** Sends an `Authorization` value without a scheme as a bearer token. */
const headerValue = (header: string, secret: string): string =>
  header.trim().toLowerCase() === 'authorization' && !secret.includes(' ') ? `Bearer ${secret}` : secret;

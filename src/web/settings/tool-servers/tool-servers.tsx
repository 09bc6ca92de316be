import { useEffect, useState } from 'preact/hooks';
import type { Inputs, Outputs } from '../../../client/types.ts';
import { once, query } from '../../data/server.ts';
import { dayAndTime } from '../../parts/format.ts';
import { Button } from '../../parts/kit/button.tsx';
import { Pending, Trouble, useTrouble } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';
import { Sure } from '../secrets/sure.tsx';
import { NameAndAddress, ToolServerForm } from './form.tsx';
import { beginSignIn, signedIn } from './sign-in.ts';

export type ToolServer = Outputs['toolServers']['put'];

/** The tool servers (MCP) of all sessions: those of the settings, and those that administrators enter here. */
export function ToolServers() {
  const [all, setAll] = useState<readonly ToolServer[]>();
  const [told, setTold] = useState('');
  const [trouble, tryIt] = useTrouble();
  const read = async () => setAll((await query('toolServers.list', undefined)).servers);
  useEffect(() => {
    void tryIt(t('toolServers.unread'), read);
    setTold(signedIn.value);
  }, []);
  if (!all) return <Pending trouble={trouble} />;
  const act = (what: string, work: () => Promise<string>) => {
    setTold('');
    return tryIt(what, async () => {
      const done = await work();
      await read();
      setTold(done);
    });
  };
  return (
    <>
      <p class="quiet">{t('toolServers.about')}</p>
      {all.length === 0 && <p class="quiet">{t('toolServers.none')}</p>}
      {all.length > 0 && (
        <ul class="plain-rows tool-servers">
          {all.map((server) => (
            <li key={`${server.from} ${server.name}`}>
              <ToolServerRow server={server} act={act} />
            </li>
          ))}
        </ul>
      )}
      <Trouble text={trouble} />
      {told !== '' && <p role="status">{told}</p>}
      <ToolServerForm
        onSaved={async (server) => {
          await read();
          setTold(
            server.state?.ok === true
              ? t('toolServers.added', { name: server.name, n: server.state.tools.length })
              : t('toolServers.addedSilent', { name: server.name }),
          );
        }}
      />
      <p class="quiet">{t('toolServers.effect')}</p>
      <p class="quiet">{t('toolServers.programs')}</p>
    </>
  );
}

type Act = (what: string, work: () => Promise<string>) => Promise<boolean>;

function ToolServerRow({ server, act }: { server: ToolServer; act: Act }) {
  const { name, kind, at, from, setBy, templates, state, signIn } = server;
  const [isChanging, setChanging] = useState(false);
  const change = (changes: Changes) =>
    act(t('notSaved'), async () => {
      const saved = await once('toolServers.change', { name, ...changes });
      setChanging(false);
      return t('toolServers.changed', { name: saved.name });
    });
  const test = () =>
    act(t('toolServers.notTested'), async () => {
      const { ok } = await once('toolServers.test', { name });
      return t(ok ? 'toolServers.answers' : 'toolServers.fails', { name });
    });
  const remove = () =>
    act(t('toolServers.notRemoved'), async () => {
      await once('toolServers.remove', { name });
      return t('toolServers.removed', { name });
    });
  const signOut = () =>
    act(t('notSaved'), async () => {
      await once('toolServers.signOut', { name });
      return t('toolServers.signedOut', { name });
    });
  const enter = () =>
    act(t('toolServers.notSignedIn'), async () => {
      await beginSignIn(name);
      return '';
    });
  return (
    <>
      <span>
        <strong>{name}</strong> <code>{at}</code>
        <span class="quiet row-more">{factsOf(server).join(' · ')}</span>
        {setBy !== null && (
          <span class="quiet row-more">
            {t(from === 'page' ? 'toolServers.outranked' : 'toolServers.setBy', { by: setBy })}
          </span>
        )}
        {templates.length > 0 && (
          <span class="quiet row-more">{t('toolServers.templates', { names: templates.join(', ') })}</span>
        )}
        <span class="row-more">{stateOf(server)}</span>
        {state !== null && state.tools.length > 0 && (
          <details>
            <summary>{t('toolServers.tools', { n: state.tools.length })}</summary>
            <ul class="tool-server-tools">
              {state.tools.map((tool) => (
                <li key={tool.name}>
                  <code>{tool.name}</code> <span class="quiet">{tool.title ?? tool.description.slice(0, 120)}</span>
                </li>
              ))}
            </ul>
          </details>
        )}
      </span>
      <span class="sure">
        {kind === 'address' && (
          <Button class="small" aria-label={t('toolServers.testOne', { name })} onClick={() => void test()}>
            {t('toolServers.test')}
          </Button>
        )}
        {signIn === 'wanted' && (
          <Button class="small" kind="primary" onClick={() => void enter()}>
            {t('toolServers.signIn')}
          </Button>
        )}
        {signIn === 'done' && (
          <Button class="small" onClick={() => void signOut()}>
            {t('toolServers.signOut')}
          </Button>
        )}
        {from === 'page' && !isChanging && (
          <Button class="small" aria-label={t('toolServers.changeOne', { name })} onClick={() => setChanging(true)}>
            {t('toolServers.change')}
          </Button>
        )}
        {from === 'page' && (
          <Sure
            label={t('models.remove')}
            name={t('toolServers.removeOne', { name })}
            ask={t('toolServers.removeAsk')}
            act={remove}
          />
        )}
      </span>
      {isChanging && (
        <ChangeToolServer server={server} onCancel={() => setChanging(false)} onSave={(wish) => void change(wish)} />
      )}
    </>
  );
}

function factsOf({ kind, headers, tools, timeoutSeconds, signIn }: ToolServer): string[] {
  return [
    ...(kind === 'program' ? [t('toolServers.program')] : []),
    ...(headers.length > 0 ? [t('toolServers.headers', { names: headers.join(', ') })] : []),
    ...(signIn === 'done' ? [t('toolServers.isSignedIn')] : []),
    ...(tools.join() === '*' ? [] : [t('toolServers.only', { names: tools.join(', ') })]),
    t('toolServers.seconds', { n: timeoutSeconds }),
  ];
}

function stateOf({ kind, state, signIn }: ToolServer): string {
  if (state === null) return t(kind === 'program' ? 'toolServers.inSandbox' : 'toolServers.unasked');
  const at = dayAndTime(Date.parse(state.at));
  if (state.ok) return t('toolServers.answered', { at });
  const why = t('toolServers.failed', { at, why: state.message });
  return signIn === 'wanted' ? `${why} ${t('toolServers.wantsAccess')}` : why;
}

type Changes = Omit<Inputs['toolServers']['change'], 'name'>;

interface Props {
  readonly server: Outputs['toolServers']['put'];
  readonly onCancel: () => void;
  readonly onSave: (changes: Changes) => void;
}

/** Name, address and headers of a tool server that was entered. The stored values of headers are never shown. */
function ChangeToolServer({ server, onCancel, onSave }: Props) {
  const [name, setName] = useState(server.name);
  const [url, setUrl] = useState(server.at);
  const [header, setHeader] = useState(server.headers[0] ?? 'Authorization');
  const [secret, setSecret] = useState('');
  const changes: Changes = {
    ...(name !== server.name && { newName: name }),
    ...(url !== server.at && { url }),
    ...(secret !== '' && { headers: { [header.trim()]: headerValue(header, secret) } }),
  };
  return (
    <form
      class="form"
      aria-label={t('toolServers.changeOne', { name: server.name })}
      onSubmit={(event) => {
        event.preventDefault();
        onSave(changes);
      }}
    >
      <div class="fields">
        <NameAndAddress name={name} url={url} onName={setName} onUrl={setUrl} />
        <label class="labelled">
          <span>{t('secrets.header')}</span>
          <input
            class="field"
            spellcheck={false}
            value={header}
            onInput={(event) => setHeader(event.currentTarget.value)}
          />
        </label>
        <label class="labelled">
          <span>{t('toolServers.newValue')}</span>
          <input
            class="field"
            type="password"
            autocomplete="off"
            maxLength={8_000}
            value={secret}
            onInput={(event) => setSecret(event.currentTarget.value)}
          />
        </label>
      </div>
      <p class="quiet">{t('toolServers.changeTells')}</p>
      <div class="choices start">
        <Button onClick={onCancel}>{t('cancel')}</Button>
        <Button type="submit" kind="primary" disabled={Object.keys(changes).length === 0}>
          {t('toolServers.save')}
        </Button>
      </div>
    </form>
  );
}

/** A bare token of `Authorization` is a bearer token. */
const headerValue = (header: string, secret: string): string =>
  header.trim().toLowerCase() === 'authorization' && !secret.includes(' ') ? `Bearer ${secret}` : secret;

import { useState } from 'preact/hooks';
import type { Outputs } from '../../../client/types.ts';
import { once } from '../../data/server.ts';
import { Button } from '../../parts/kit/button.tsx';
import { Trouble, useTrouble } from '../../parts/kit/trouble.tsx';
import { t } from '../../text/text.ts';

type Kind = 'open' | 'token' | 'header';
const kinds: readonly Kind[] = ['open', 'token', 'header'];

interface Props {
  readonly onSaved: (server: Outputs['toolServers']['put']) => Promise<void>;
}

/** Name, address and access of a tool server, which can be tested before it is added. A name that exists is replaced. */
export function ToolServerForm({ onSaved }: Props) {
  const [name, setName] = useState('');
  const [url, setUrl] = useState('');
  const [kind, setKind] = useState<Kind>('open');
  const [header, setHeader] = useState('');
  const [secret, setSecret] = useState('');
  const [tools, setTools] = useState('');
  const [told, setTold] = useState('');
  const [trouble, tryIt] = useTrouble();
  const wish = () => ({ name, url, ...accessOf(kind, header, secret), ...globsOf(tools) });
  const test = () => {
    setTold('');
    return tryIt(t('toolServers.notTested'), async () => {
      const { ok, tools: found, message } = await once('toolServers.test', wish());
      setTold(ok ? t('toolServers.works', { n: found.length }) : message);
    });
  };
  const save = () => {
    setTold('');
    return tryIt(t('notSaved'), async () => {
      const saved = await once('toolServers.put', wish());
      for (const clear of [setName, setUrl, setHeader, setSecret, setTools]) clear('');
      setKind('open');
      await onSaved(saved);
    });
  };
  return (
    <form
      class="form"
      aria-label={t('toolServers.new')}
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
    >
      <h3>{t('toolServers.new')}</h3>
      <div class="fields">
        <NameAndAddress name={name} url={url} onName={setName} onUrl={setUrl} />
        <label class="labelled">
          <span>{t('toolServers.access')}</span>
          <select class="field" value={kind} onChange={(event) => setKind(event.currentTarget.value as Kind)}>
            {kinds.map((one) => (
              <option key={one} value={one}>
                {t(`toolServers.access.${one}`)}
              </option>
            ))}
          </select>
        </label>
        {kind === 'header' && (
          <label class="labelled">
            <span>{t('secrets.header')}</span>
            <input
              class="field"
              required
              spellcheck={false}
              placeholder="x-api-key"
              value={header}
              onInput={(event) => setHeader(event.currentTarget.value)}
            />
          </label>
        )}
        {kind !== 'open' && (
          <label class="labelled">
            <span>{t(kind === 'token' ? 'toolServers.token' : 'secrets.value')}</span>
            <input
              class="field"
              type="password"
              autocomplete="off"
              required
              maxLength={8_000}
              value={secret}
              onInput={(event) => setSecret(event.currentTarget.value)}
            />
          </label>
        )}
        <label class="labelled">
          <span>{t('toolServers.globs')}</span>
          <input
            class="field"
            spellcheck={false}
            placeholder="search_*, read_page"
            value={tools}
            onInput={(event) => setTools(event.currentTarget.value)}
          />
        </label>
      </div>
      <p class="quiet">{t(kind === 'open' ? 'toolServers.openTells' : 'secrets.once')}</p>
      <Trouble text={trouble} />
      {told !== '' && <p role="status">{told}</p>}
      <div class="choices start">
        <Button disabled={url === '' || name === ''} onClick={() => void test()}>
          {t('toolServers.test')}
        </Button>
        <Button type="submit" kind="primary" icon="plus">
          {t('toolServers.add')}
        </Button>
      </div>
    </form>
  );
}

/** Without its own key it keeps what is stored for the address. */
function accessOf(kind: Kind, header: string, secret: string): { headers?: Record<string, string> } {
  if (kind === 'open') return {};
  return { headers: kind === 'token' ? { Authorization: `Bearer ${secret}` } : { [header.trim()]: secret } };
}
function globsOf(text: string): { tools?: string[] } {
  const tools = text.split(/[\s,]+/).filter(Boolean);
  return tools.length === 0 ? {} : { tools };
}

interface NameAndAddressProps {
  readonly name: string;
  readonly url: string;
  readonly onName: (name: string) => void;
  readonly onUrl: (url: string) => void;
}

/** The fields of a tool server's name and address. */
export const NameAndAddress = ({ name, url, onName, onUrl }: NameAndAddressProps) => (
  <>
    <label class="labelled">
      <span>{t('toolServers.name')}</span>
      <input
        class="field"
        required
        pattern="[a-z][a-z0-9]{0,23}"
        title={t('toolServers.nameForm')}
        placeholder="docs"
        value={name}
        onInput={(event) => onName(event.currentTarget.value)}
      />
    </label>
    <label class="labelled">
      <span>{t('toolServers.address')}</span>
      <input
        class="field"
        type="url"
        required
        maxLength={2_000}
        placeholder="https://docs.example.com/mcp"
        value={url}
        onInput={(event) => onUrl(event.currentTarget.value)}
      />
    </label>
  </>
);

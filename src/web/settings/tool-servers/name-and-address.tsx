import { t } from '../../text/text.ts';

interface Props {
  readonly name: string;
  readonly url: string;
  readonly onName: (name: string) => void;
  readonly onUrl: (url: string) => void;
}

/** The fields of a tool server's name and address. */
export const NameAndAddress = ({ name, url, onName, onUrl }: Props) => (
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

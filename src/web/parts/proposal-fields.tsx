import { t } from '../text/text.ts';

interface Props {
  readonly title: string;
  readonly text: string;
  /** The lines of the text that are shown at once. */
  readonly rows: number;
  readonly onTitle: (title: string) => void;
  readonly onText: (text: string) => void;
}

/** The title and the text of a pull request, as the forges limit them. */
export const ProposalFields = ({ title, text, rows, onTitle, onText }: Props) => (
  <>
    <label>
      <span>{t('ship.title')}</span>
      <input
        class="field"
        required
        maxLength={250}
        value={title}
        onInput={(event) => onTitle(event.currentTarget.value)}
      />
    </label>
    <label>
      <span>{t('ship.text')}</span>
      <textarea
        class="field"
        rows={rows}
        maxLength={60_000}
        value={text}
        onInput={(event) => onText(event.currentTarget.value)}
      />
    </label>
  </>
);

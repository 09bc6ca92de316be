import { t } from '../text/text.ts';
import { TextAreaField, TextField } from './kit/field.tsx';

interface Props {
  readonly title: string;
  readonly text: string;
  readonly rows: number;
  readonly onTitle: (title: string) => void;
  readonly onText: (text: string) => void;
}

/** The length limits are the server's, which stay within those of the forges. */
export const PullRequestFields = ({ title, text, rows, onTitle, onText }: Props) => (
  <>
    <TextField label={t('ship.title')} required maxLength={250} value={title} onChange={onTitle} />
    <TextAreaField label={t('ship.text')} rows={rows} maxLength={60_000} value={text} onChange={onText} />
  </>
);

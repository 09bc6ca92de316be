import { t } from '../../../text/text.ts';
import type { EditorPhrases } from './code-mirror.ts';

export const editorPhrases = (): EditorPhrases => ({
  Find: t('editor.find'),
  Replace: t('editor.replace'),
  next: t('editor.next'),
  previous: t('editor.previous'),
  all: t('editor.all'),
  'match case': t('editor.matchCase'),
  'by word': t('editor.byWord'),
  regexp: t('editor.regexp'),
  replace: t('editor.replaceOne'),
  'replace all': t('editor.replaceAll'),
  close: t('close'),
  'Go to line': t('editor.toLine'),
  go: t('editor.go'),
  'current match': t('editor.currentMatch'),
  'on line': t('editor.onLine'),
  'replaced $ matches': t('editor.replacedMany'),
  'replaced match on line $': t('editor.replacedOn'),
  '$ unchanged lines': t('editor.unchanged'),
  'Fold line': t('editor.fold'),
  'Unfold line': t('editor.unfold'),
  'folded code': t('editor.folded'),
  unfold: t('editor.unfold'),
  'Control character': t('editor.control'),
});

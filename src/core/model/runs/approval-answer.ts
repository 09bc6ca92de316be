const yes = /^(y|yes|ok|okay|j|ja|approved?|genehmig(t|en))$/i;
const no = /^(n|no|nein|reject(ed)?|ablehnen|abgelehnt)$/i;

/** Undefined if the text is more than a plain yes or no. Final punctuation is ignored, except for a question mark. */
export function parseApprovalAnswer(text: string): 'approved' | 'rejected' | undefined {
  const word = text.replace(/[\s.!,…]+$/, '').trimStart();
  if (yes.test(word)) return 'approved';
  return no.test(word) ? 'rejected' : undefined;
}

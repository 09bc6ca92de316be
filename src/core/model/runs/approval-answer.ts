const yes = /^(?:y|yes|ok|okay|j|ja|approved?|genehmig(?:t|en))[.!,…]{0,3}$/i;
const no = /^(?:n|no|nein|reject(?:ed)?|ablehnen|abgelehnt)[.!,…]{0,3}$/i;

/** Undefined if the text is more than a plain yes or no. Final punctuation is ignored, except for a question mark. */
export function parseApprovalAnswer(text: string): 'approved' | 'rejected' | undefined {
  const [first = '', punctuation = '', ...more] = text.trim().split(/\s+/, 3);
  const word = more.length === 0 && /^[.!,…]{0,3}$/.test(punctuation) ? first : '';
  if (yes.test(word)) return 'approved';
  return no.test(word) ? 'rejected' : undefined;
}

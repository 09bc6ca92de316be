import { type HookReader, verifyStandard } from './delivery.ts';
import { valueAt } from './payload.ts';

/** Deliveries of any program that signs as Standard Webhooks say. */
export const json: HookReader = {
  verify: verifyStandard,
  read: () => ({
    event: null,
    at: undefined,
    repository: '',
    sender: '',
    labels: [],
    assignees: [],
    about: '',
    url: '',
    text: '',
  }),
};

const maxFields = 100;

/** The text that a template makes of a payload: each `{{path.of.a.field}}` becomes the field, an unknown one nothing. */
export function fillTemplate(template: string, payload: unknown): string {
  let fields = 0;
  return template.replaceAll(/\{\{\s*([\w$-]+(?:\.[\w$-]+)*)\s*\}\}/g, (given, path: string) => {
    if (++fields > maxFields) return given;
    const value = valueAt(payload, path);
    if (value === undefined || value === null) return '';
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  });
}
